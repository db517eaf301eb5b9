"""What the address of a page asks for."""

from collections.abc import Mapping

from multidict import MultiMapping

from detector.config import Rules
from detector.errors import DetectorError
from detector.incidents.view import Wanted
from detector.model.alert import SEVERITIES
from detector.model.events import MAX_NAME

_LEAST_S, _MOST_S = 10, 3600


class Unclear(DetectorError):  # noqa: N818, no fault of ours
    """What is asked for cannot be understood; the message says why."""


def asked_of(query: MultiMapping[str]) -> Wanted:
    """The query of the list; raises Unclear. What is empty, as a form sends it, asks for nothing."""
    told = _single(query, Wanted._fields)
    if told.get("open", "0") not in ("0", "1"):
        raise Unclear("open has to be 1 (only what is open) or 0")
    if told.get("severity", SEVERITIES[0]) not in SEVERITIES:
        raise Unclear(f"severity has to be one of {', '.join(SEVERITIES)}")
    if "rule" in told and told["rule"] not in Rules.model_fields:
        raise Unclear(f"rule has to be one of {', '.join(Rules.model_fields)}")
    _check_names(told)
    return Wanted(
        told.get("open") == "1", told.get("tenant"), told.get("team"), told.get("rule"), told.get("severity")
    )  # fmt: skip


def team_of(query: MultiMapping[str]) -> tuple[str | None, str | None]:
    """Tenant and team whose tasks are asked for, None: whichever; raises Unclear."""
    told = _single(query, ("tenant", "team"))
    _check_names(told)
    return told.get("tenant"), told.get("team")


def refresh_of(query: MultiMapping[str]) -> int | None:
    """After how many seconds the overview is to be loaded anew, None: never; raises Unclear."""
    told = _single(query, ("refresh",)).get("refresh")
    if told is None:
        return None
    if not (told.isascii() and told.isdigit() and len(told) < 6 and _LEAST_S <= int(told) <= _MOST_S):
        raise Unclear(f"refresh has to be a number of seconds from {_LEAST_S} to {_MOST_S}")
    return int(told)


def _check_names(told: Mapping[str, str]) -> None:
    for field in ("tenant", "team"):
        if len(told.get(field, "")) > MAX_NAME:
            raise Unclear(f"{field} is longer than {MAX_NAME} characters, which no name is")


def _single(query: MultiMapping[str], known: tuple[str, ...]) -> Mapping[str, str]:
    unknown = sorted(set(query) - set(known))
    if unknown:
        raise Unclear(f"{unknown[0]!r} cannot be asked for; what can is {', '.join(known)}")
    twice = [name for name in known if len(query.getall(name, [])) > 1]
    if twice:
        raise Unclear(f"{twice[0]} is there twice")
    return {name: query[name] for name in known if query.get(name)}
