"""Which alerts ask for a stop, what is asked and signed, what answers mean, and which of two records holds."""

import base64
import itertools
import json
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from pydantic import ValidationError

from detector.config import Config
from detector.config.stop import Stop as Settings
from detector.errors import ConfigError
from detector.stopping.asking import UnansweredError, ask
from detector.stopping.choosing import asks, outcome_of, target_of
from detector.stopping.record import Stop, decode_stop, encode_stop, newer, request_of, stop_of, told
from detector.stopping.signing import signed, signing_key
from detector.webhooks.refusing import Refused
from detector.webhooks.signatures import standard
from tests.unit.alert_records import alert

AT = 1_795_144_320.0  # 20 November 2026, 03:12 UTC
URL = "https://stopper.example/hooks/secret-path"
ON = {"mode": "on", "url": URL, "secret": "s3cret"}


def stop(**fields: Any) -> Stop:
    return msgspec.structs.replace(stop_of(alert(key="k-7"), "on", "stopper.example:443", AT), **fields)


def ended(outcome: str, **fields: Any) -> Stop:
    return stop(outcome=outcome, finished_at=AT + 1, **fields)


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, True),
        ({"state": "update"}, True),
        ({"rule": "spend_spike", "run": None}, True),
        ({"run": None, "agent": None, "key": "k-7"}, True),
        ({"state": "resolved"}, False),
        ({"severity": "warning"}, False),
        ({"rule": "context_bloat"}, False),
        ({"run": None, "agent": None}, False),  # a team or a model is nothing that one stops
        ({"run": None, "agent": " "}, False),
        ({"id": "x\r\nevil: 1"}, False),
        ({"id": "ü"}, False),
    ],
)
def test_critical_open_alerts_of_chosen_rules_that_name_what_to_stop_ask(fields: dict[str, Any], wanted: bool) -> None:
    assert asks(alert(**fields), Settings()) is wanted


def test_the_rules_that_ask_are_those_of_the_configuration() -> None:
    assert asks(alert(rule="context_bloat"), Settings(rules=["context_bloat"]))
    assert not asks(alert(), Settings(rules=[]))


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ((200, 202, 204, 409), "accepted"),
        ((400, 401, 403, 404, 410, 422), "refused"),
        ((301, 302, 408, 425, 429, 500, 502, 503), None),
    ],
)
def test_what_an_answer_means(statuses: tuple[int, ...], outcome: str | None) -> None:
    assert [outcome_of(status) for status in statuses] == [outcome] * len(statuses)


def test_a_request_says_what_to_stop_and_is_the_same_at_each_attempt() -> None:
    asked = stop()
    assert json.loads(request_of(asked)) == {
        "type": "stop", "id": "e1", "asked_at": AT, "rule": "loop", "level": "run", "tenant": "acme",
        "team": "search", "agent": "indexer", "run": "run-7", "task": None, "key": "k-7",
        "cost_usd": 12.5, "burn_usd_per_hour": 40.0,
    }  # fmt: skip
    assert request_of(msgspec.structs.replace(asked, attempts=3, status=503)) == request_of(asked)
    assert request_of(decode_stop(encode_stop(asked))) == request_of(asked)


@pytest.mark.parametrize(
    "secret", ["plain text", "whsec_" + base64.b64encode(b"thirty-two bytes, or about that!").decode()]
)
def test_a_request_is_signed_as_standard_webhooks_are(secret: str) -> None:
    key, body = signing_key(Settings(secret=secret)), request_of(stop())  # type: ignore[arg-type]
    headers = signed(key, "e1", AT + 0.7, body)
    assert headers["webhook-timestamp"] == str(int(AT))
    standard([key], headers, body, AT, 300.0)
    for wrong in ({"webhook-id": "e2"}, {"webhook-timestamp": str(int(AT) + 1)}):
        with pytest.raises(Refused):
            standard([key], headers | wrong, body, AT, 300.0)
    with pytest.raises(Refused):
        standard([key], headers, body + b" ", AT, 300.0)
    with pytest.raises(Refused):  # a request that is played again later
        standard([key], headers, body, AT + 301.0, 300.0)


def test_a_secret_that_cannot_be_used_is_told_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no base64") as told_of:
        signing_key(Settings(secret="whsec_hunter2!"))  # type: ignore[arg-type]
    assert "hunter2" not in str(told_of.value)
    with pytest.raises(ConfigError, match=r"stop\.secret_file"):
        signing_key(Settings())
    with pytest.raises(ConfigError, match="cannot be read"):
        signing_key(Settings(secret_file=tmp_path / "none"))


def test_a_secret_in_a_file_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    settings = Settings(secret_file=file)
    for secret in ("one", "other"):
        file.write_text(f"{secret}\n")
        assert signing_key(settings) == secret.encode()


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (ended("accepted", attempts=1, status=202), "asked at 03:12 UTC, accepted"),
        (stop(), "asked at 03:12 UTC, no answer yet"),
        (stop(attempts=1), "asked at 03:12 UTC, no answer yet after 1 attempt"),
        (ended("refused", attempts=1, status=404), "asked at 03:12 UTC, refused with status 404"),
        (ended("given_up", attempts=40), "asked at 03:12 UTC, given up after 40 attempts"),
        (ended("resolved", attempts=2), "asked at 03:12 UTC, it ended before an answer (2 attempts)"),
        (
            stop_of(alert(), "dry_run", "stop.example:443", AT),
            "dry run: would have asked stop.example:443 at 03:12 UTC",
        ),
    ],
)
def test_what_came_of_it_is_told_in_a_few_words(of: Stop, words: str) -> None:
    assert told(of) == words


@pytest.mark.parametrize("t", [-1e300, 1e300])
def test_a_time_that_is_none_is_told_all_the_same(t: float) -> None:
    assert told(stop(asked_at=t)).startswith("asked at ")


def test_a_dry_run_is_over_as_it_begins() -> None:
    dry = stop_of(alert(), "dry_run", "stopper.example:443", AT)
    assert (dry.outcome, dry.finished, dry.attempts) == ("dry_run", True, 0)
    assert not stop().finished


def test_of_two_records_the_further_one_holds_and_nothing_undoes_an_answer() -> None:
    asking, on, refused, accepted = stop(), stop(attempts=2), ended("refused"), ended("accepted")
    assert newer(None, asking) is asking
    for before, after in itertools.combinations((asking, on, refused, accepted), 2):
        assert newer(before, after) is after
        assert newer(after, before) is after
    masked = ended("accepted", agent="u-000000000000")
    assert newer(accepted, masked) is masked
    gave_up = ended("given_up")
    assert newer(refused, gave_up) is gave_up


def test_a_target_is_host_and_port_and_nothing_of_the_path() -> None:
    assert target_of(Settings(url=URL)) == "stopper.example:443"
    assert target_of(Settings(url="http://127.0.0.1:8099/stop")) == "127.0.0.1:8099"


def test_it_is_off_unless_told_otherwise() -> None:
    assert Config().stop.mode == "off"
    assert Config.model_validate({"stop": ON}).stop.mode == "on"
    assert Config.model_validate({"stop": {"mode": "dry_run", "url": URL}}).stop.mode == "dry_run"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"url": None}, "needs url"),
        ({"secret": None}, "needs secret_file or secret"),
        ({"mode": "dry_run", "url": None}, "needs url"),
        ({"url": "stopper.example"}, "needs http:// or https://"),
        ({"url": "https://user:hunter2@stopper.example"}, "credentials"),
        ({"url": "https://stopper.example/?token=hunter2"}, "credentials"),
        ({"url": "http://stopper.example/stop"}, "needs https:// beyond this machine"),
        ({"url": "http://[::1"}, "needs http:// or https://"),
    ],
)
def test_a_section_that_cannot_work_is_refused_and_shows_no_secret(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says) as refused:
        Settings.model_validate(ON | wrong)
    assert all("hunter2" not in error["msg"] for error in refused.value.errors())


async def test_a_name_that_no_dns_can_have_is_nobody_who_answers_and_its_path_is_not_told() -> None:
    settings = Settings.model_validate(ON | {"url": f"https://{'a' * 70}.example/secret-path"})
    async with aiohttp.ClientSession() as session:
        with pytest.raises(UnansweredError, match=r"^UnicodeError$"):
            await ask(session, settings, stop(), lambda: AT)
