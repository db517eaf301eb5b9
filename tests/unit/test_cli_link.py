"""`detector link`: what it takes, what it sends and prints, and how it says what is wrong."""

import json
import sys
import types
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from detector import logs
from detector.cli import main
from detector.config import Config
from detector.errors import DeploymentError
from detector.kafka.outbox import Out
from detector.model.events import Link
from detector.sources import native
from tests.support.listener import listening

pytestmark = pytest.mark.usefixtures("bare_environment")

NAMED = ("--run", "s-481", "--task", "PAY-1312")
AT = ("--time", "2026-11-20T09:14:03Z")


class Ended(NamedTuple):
    code: int
    out: str
    err: str


class Sent(NamedTuple):
    config: Config
    record: Out
    timeout_s: float


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Sent]:
    """In place of Kafka."""
    taken: list[Sent] = []

    async def send(config: Config, record: Out, timeout_s: float) -> None:
        taken.append(Sent(config, record, timeout_s))

    _kafka(monkeypatch, send)
    return taken


def _kafka(monkeypatch: pytest.MonkeyPatch, send: Callable[..., Any]) -> None:
    made = types.ModuleType("detector.kafka.sending")
    vars(made).update(send=send)
    monkeypatch.setitem(sys.modules, made.__name__, made)


@pytest.fixture
def link(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    monkeypatch.setattr(logs, "setup", lambda *_: None)

    def ran(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as end:
            main(["link", *arguments])
        assert isinstance(end.value.code, int)
        return Ended(end.value.code, *capsys.readouterr())

    return ran


def event(value: bytes | str | None) -> Link:
    assert value is not None
    (read,) = native.decode(value.encode() if isinstance(value, str) else value, "status")
    assert isinstance(read, Link)
    return read


def test_it_sends_one_record_and_says_so_in_a_line(link, sent, monkeypatch) -> None:
    monkeypatch.setenv("DETECTOR_TOPICS__STATUS", "our.status")
    ended = link(*NAMED, "--tenant", "acme", "--source", "git", "--id", "l1", *AT)
    told = "run s-481 works on task PAY-1312: sent to our.status as l1\n"
    assert ended == (0, told, "")
    ((config, record, timeout_s),) = sent
    assert (config.topics.status, record.topic, timeout_s) == ("our.status", "our.status", 15)
    assert json.loads(record.value) == {
        "type": "link", "id": "l1", "time": "2026-11-20T09:14:03Z", "run": "s-481", "task": "PAY-1312",
        "tenant": "acme", "source": "git",
    }  # fmt: skip


def test_it_says_which_run_started_it(link, sent) -> None:
    ended = link("--run", "child", "--parent-run", "s-481", "--id", "l1", *AT)
    assert ended == (0, "run child was started by run s-481: sent to task.status as l1\n", "")
    assert event(sent[0].record.value).parent_run == "s-481"
    assert link(*NAMED, "--parent-run", "s-480", *AT).out.startswith(
        "run s-481 works on task PAY-1312 and was started by run s-480: "
    )
    assert event(sent[1].record.value).id != event(link(*NAMED, *AT, "--dry-run").out).id


def test_the_links_of_a_run_have_one_key(link, sent) -> None:
    for task in ("A", "B", "A"):
        link("--run", "r", "--task", task)
    assert len({record.key for _, record, _ in sent}) == 1
    assert [event(record.value).task for _, record, _ in sent] == ["A", "B", "A"]


def test_without_a_time_it_is_now(link, sent, monkeypatch) -> None:
    monkeypatch.setattr("detector.clock.system_clock", lambda: 1_795_166_043.25)
    link(*NAMED)
    assert json.loads(sent[0].record.value)["time"] == "2026-11-20T09:14:03.250000Z"


def test_a_dry_run_prints_the_event_and_sends_nothing(link, sent) -> None:
    ended = link(*NAMED, *AT, "--dry-run")
    assert (ended.code, ended.err, sent) == (0, "", [])
    link(*NAMED, *AT)
    assert ended.out.encode() == sent[0].record.value + b"\n"


@pytest.mark.parametrize(("given", "missing"), [("--run", "--task"), ("--task", "--run")])
def test_what_has_to_be_given_is_named(given, missing, link, sent) -> None:
    code, out, err = link(given, "x")
    assert (code, out, sent) == (2, "", [])
    assert f"Missing option '{missing}'" in err


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--run", "", "has to have 1 to 512 characters"),
        ("--task", "x" * 513, "has to have 1 to 512 characters"),
        ("--id", "", "has to have 1 to 512 characters"),
        ("--tenant", "x" * 513, "has to have at most 512 characters"),
        ("--source", "x" * 513, "has to have at most 512 characters"),
        ("--task", "\udcff", "is not UTF-8"),
        ("--parent-run", "", "has to have 1 to 512 characters"),
        ("--time", "", "has to be RFC 3339 with an offset, as 2026-11-20T09:14:03Z"),
        ("--time", "yesterday", "has to be RFC 3339 with an offset"),
        ("--time", "2026-11-20T09:14:03", "has to be RFC 3339 with an offset"),
        ("--time", "1995-11-20T09:14:03Z", "is not within the years 2000 to 2100"),
        ("--time", "2099-11-20T09:14:03Z", "lies too far in the future: see ingest.refuse_future_s"),
        ("--timeout", "0", "0 is not in the range 1<=x<=3600"),
        ("--timeout", "nan", "'nan' is not a valid integer"),
    ],
)
@pytest.mark.parametrize("how", [(), ("--dry-run",)])
def test_what_cannot_be_sent_is_wrong_usage_and_names_the_option(option, value, says, how, link, sent) -> None:
    code, out, err = link(*NAMED, option, value, *how)
    assert (code, out, sent) == (2, "", [])
    assert f"Invalid value for '{option}': {says}" in err


def test_a_failure_is_a_line_on_standard_error(link, monkeypatch) -> None:
    async def send(*_: object) -> None:
        raise DeploymentError("no broker answers (x:1: nothing listens there); start the broker")

    _kafka(monkeypatch, send)
    told = "detector: no broker answers (x:1: nothing listens there); start the broker\n"
    assert link(*NAMED) == (1, "", told)


def test_how_long_it_waits_may_be_told(link, sent) -> None:
    assert link(*NAMED, "--timeout", "3").code == 0
    assert sent[0].timeout_s == 3


def test_it_goes_to_a_gateway_where_one_is_named(link, monkeypatch) -> None:
    monkeypatch.setenv("DETECTOR_PUSH__TOKEN", "s3cr3t")
    with listening() as gateway:
        ended = link(*NAMED, "--id", "l1", *AT, "--gateway", gateway.address)
        ((path, headers, body),) = gateway.posted
    assert ended == (0, f"run s-481 works on task PAY-1312: sent to {gateway.address} as l1\n", "")
    assert (path, headers["authorization"], event(body).task) == ("/v1/events", "Bearer s3cr3t", "PAY-1312")


def test_a_gateway_that_is_none_is_wrong_usage(link) -> None:
    for address in ("gateway:4318", "ftp://x", "http://", "https://u:p@x", "https://x/?token=y", "http://[::1"):
        code, out, err = link(*NAMED, "--gateway", address)
        assert (code, out) == (2, "")
        assert "push.gateway: " in err
        assert "token=y" not in err


def test_a_name_cannot_forge_a_line_or_reach_the_terminal(link, sent) -> None:
    out = link("--run", "r\nrun x", "--task", "\x1b[2J").out
    assert out.startswith(r"run 'r\nrun x' works on task '\x1b[2J': sent to task.status as link-")
    assert out.count("\n") == 1
    assert event(sent[0].record.value).run == "r\nrun x"
