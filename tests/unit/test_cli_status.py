"""`detector status push`: what it takes, what it sends, and which category a state is of."""

import json
import typing
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from detector.cli import cli
from detector.commands import status
from detector.config import Config
from detector.config.settings import States
from detector.errors import BadInput
from detector.model.events import Category, Status
from detector.pipeline.intake import Intake, SourceRecord
from detector.sources.making import make
from detector.sources.native import encode
from detector.sources.pushing import category_of, status_id
from tests.contract import walking as w

pytestmark = pytest.mark.usefixtures("bare_environment")

AT = ("--time", "2026-11-20T09:14:03Z")
NOW_S = 1_795_166_043.25


def push(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["status", "push", *arguments], standalone_mode=False)


def printed(*arguments: str) -> dict[str, Any]:
    result = push("--dry-run", *AT, *arguments)
    assert result.exception is None
    return dict(json.loads(result.stdout))


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.clock.system_clock", lambda: NOW_S)


def test_it_says_all_that_it_was_told() -> None:
    event = printed(
        "--task", "PAY-1", "--to", "Merged", "--from", "in review", "--actor", "human", "--source", "ci",
        "--deliverable", "pr/7", "--reverts", "pr/6", "--tenant", "acme", "--id", "s1",
    )  # fmt: skip
    assert event == {
        "id": "s1", "time": "2026-11-20T09:14:03Z", "strength": "strong", "type": "status", "tenant": "acme",
        "task": "PAY-1", "from": "in review", "to": "Merged", "category": "completed", "actor": "human", "source": "ci",
        "deliverable": "pr/7", "reverts": "pr/6",
    }  # fmt: skip


def test_the_same_status_has_the_same_id_and_another_has_another() -> None:
    said = [printed("--task", "T", "--to", to)["id"] for to in ("done", "done", "closed")]
    assert said[0] == said[1] != said[2]
    assert said[0].startswith("status-")


@pytest.mark.parametrize(
    ("state", "category"),
    [
        ("Done", "completed"), ("In Progress", "started"), ("in-progress", "started"), ("WON'T DO", "not_planned"),
        ("wont_fix", "not_planned"), ("todo", "planned"), ("completed", "completed"), ("not planned", "not_planned"),
        ("Triage", "backlog"), ("parked", None), ("", None),
    ],
)  # fmt: skip
def test_a_state_is_of_a_category_whatever_its_letters_and_separators(state: str, category: str | None) -> None:
    assert category_of(state, States()) == category


def test_own_states_replace_those_of_a_category() -> None:
    states = States(completed=["live"])
    assert [category_of(state, states) for state in ("Live", "done", "completed")] == ["completed", None, "completed"]


def test_a_strong_status_of_a_state_that_nobody_knows_says_how_to_name_its_category() -> None:
    result = push("--dry-run", "--task", "T", "--to", "parked")
    assert "--category" in result.stderr
    assert "category" not in json.loads(result.stdout)
    assert push("--dry-run", "--task", "T", "--to", "parked", "--strength", "weak").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("--task", "", "--to", "done"), "--task"),
        (("--task", "T", "--to", "x" * 513), "--to"),
        (("--task", "T", "--to", "done", "--time", "yesterday"), "--time"),
        (("--task", "T", "--to", "done", "--time", "2020-01-01T00:00:00Z"), "--time"),
    ],
)
def test_what_ingest_would_refuse_is_refused_by_its_option(arguments: tuple[str, ...], option: str) -> None:
    result = push("--dry-run", *arguments)
    assert result.exception is not None
    assert option in str(getattr(result.exception, "param_hint", ""))


texts = st.text(max_size=4) | st.sampled_from(["x" * 512, "x" * 513])


@given(st.fixed_dictionaries({"task": texts, "to": texts}, optional={"from": texts, "reverts": texts, "tenant": texts}))
def test_what_is_sent_is_taken_and_what_would_not_be_is_not_sent(said: dict[str, str]) -> None:
    told = {"strength": "strong", **said}
    intake = Intake(Config(), partitions=1)
    try:
        made = make(Status, Config().ingest, NOW_S, told)
        made.id = status_id(made)
        value = encode(made)
    except BadInput:
        value = json.dumps({"type": "status", "id": "s", "time": NOW_S, **told}).encode()
        intake.take(1 << 16, "status", [SourceRecord(0, value, NOW_S)])
        assert len(intake.flush({}).dead_letters) == 1
        return
    intake.take(1 << 16, "status", [SourceRecord(0, value, NOW_S)])
    assert intake.flush({}).dead_letters == []
    w.validator("task.status").validate(json.loads(value))


def test_it_is_sent_under_its_task_and_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []

    async def send(config: Config, record: Any, timeout_s: float) -> None:
        sent.append((record.topic, json.loads(record.key), json.loads(record.value)["to"], timeout_s))

    monkeypatch.setattr("detector.kafka.sending.send", send)
    result = push("--task", "T-1", "--to", "Shipped", "--id", "s1", "--timeout", "3")
    assert result.stdout == "task T-1 is Shipped, which is completed: sent to task.status as s1\n"
    assert sent == [("task.status", ["default", "T-1"], "Shipped", 3)]


def test_the_choices_are_those_of_the_events() -> None:
    choices = {o.name: set(o.type.choices) for o in status.push.params if isinstance(o.type, click.Choice)}
    hints = typing.get_type_hints(Status, include_extras=False)
    assert choices["category"] == set(typing.get_args(Category))
    assert choices["strength"] == set(typing.get_args(hints["strength"]))
    assert choices["actor"] == set(typing.get_args(typing.get_args(hints["actor"])[0]))
