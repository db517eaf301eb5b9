"""What Grafana does with a board: variables are filled in, and what is asked is asked of a data source."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.support.prometheus import Prometheus

_LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")


class Asked(NamedTuple):
    """A query of a board. `where`: the title of its panel and its letter; `instant`: asked of one moment."""

    where: str
    expr: str
    instant: bool


def filled(expr: str, values: Mapping[str, str]) -> str:
    """`expr` with each $variable replaced, those that Grafana gives among them."""
    every = {"__rate_interval": "1m", **values}
    return re.sub(r"\$\{?(\w+)\}?", lambda found: every[found[1]], expr)


def offered(prometheus: Prometheus, query: str, values: Mapping[str, str]) -> list[str]:
    """What a variable offers, as Grafana asks for label_values(SERIES, LABEL)."""
    found = _LABEL_VALUES.fullmatch(filled(query, values))
    assert found is not None, query
    told: list[str] = prometheus.get(f"label/{found[2]}/values", **{"match[]": found[1]})
    return told


def chosen(prometheus: Prometheus, board: Any, wanted: Mapping[str, str]) -> dict[str, str]:
    """The values of a board's variables: those wanted, else all, else the first that is offered."""
    values: dict[str, str] = {}
    for variable in board["templating"]["list"]:
        name, kind = variable["name"], variable["type"]
        if kind == "query":
            found = offered(prometheus, variable["query"]["query"], values)
            assert found, f"{board['uid']}: variable {name} offers nothing"
            of_all = variable["allValue"] if variable["includeAll"] else found[0]
            values[name] = wanted.get(name, of_all)
            assert values[name] in (of_all, *found), name
        elif kind == "custom":
            values[name] = wanted.get(name, variable["query"].split(",")[0])
        else:
            values[name] = variable["query"]
    return values


def asked(board: Any) -> Iterator[Asked]:
    """All queries of panels and annotations of a board."""
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield Asked(f"{panel['title']} {target['refId']}", target["expr"], bool(target.get("instant")))
    for mark in board["annotations"]["list"]:
        yield Asked(f"annotation: {mark['name']}", mark["expr"], False)


def answered(prometheus: Prometheus, query: Asked, values: Mapping[str, str], now: float) -> bool:
    """Whether there is a figure in the answer, of the last 10 minutes; an error fails the test."""
    expr = filled(query.expr, values)
    if query.instant:
        found = [series["value"] for series in prometheus.query(expr)]
    else:
        found = [v for series in prometheus.query_range(expr, now - 600.0, now, 2.0) for v in series["values"]]
    return any(math.isfinite(float(value)) for _, value in found)
