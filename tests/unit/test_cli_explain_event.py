"""`detector explain-event`: every event that a captured body becomes, and where its fields come from."""

import typing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from detector.cli import cli
from detector.commands.explain_event import FORMATS
from detector.config.sources import Format, Transcript
from tests.support import bodies

pytestmark = pytest.mark.usefixtures("bare_environment")


def explain(body: bytes, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["explain-event", "-", *arguments], input=body, standalone_mode=False)


def line(result: Result, field: str) -> list[str]:
    return next(cells for one in result.stdout.splitlines() if (cells := one.split()) and cells[0] == field)


@pytest.mark.parametrize("name", bodies.ALL)
def test_a_body_of_every_format_is_recognised_and_told_without_its_texts(name: str) -> None:
    for body in bodies.ALL[name]:
        result = explain(body)
        assert result.return_value == 0
        assert f"events as {name}, 0 of them cannot be used" in result.stdout
        assert bodies.MARK not in result.output


def test_each_field_tells_where_it_comes_from() -> None:
    result = explain(bodies.ALL["otlp_logs"][0])
    assert line(result, "task") == ["task", "PAY-1", "attribute", "task"]
    assert line(result, "run") == ["run", "conv-1", "attribute", "detector.run"]
    assert line(result, "tenant") == ["tenant", "default", "configured"]
    assert line(result, "usage.input_tokens") == ["usage.input_tokens", "1200"]
    assert line(result, "cost_usd") == ["cost_usd", "not", "told"]


def test_a_topic_is_read_by_its_own_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "detector.toml"
    file.write_text(
        '[[sources]]\ntopic = "logs"\nformat = "otlp_logs"\nteam = "search"\n[sources.attributes]\nteam = []\n'
        'agent = ["service.name ~ ^a-[a-z]+"]\n'
    )
    monkeypatch.setenv("DETECTOR_CONFIG", str(file))
    result = explain(bodies.ALL["otlp_logs"][1], "--topic", "logs")
    assert line(result, "team") == ["team", "search", "configured"]
    assert line(result, "agent") == ["agent", "a-client", "attribute", "service.name"]
    with pytest.raises(Exception, match="known are: logs"):
        raise explain(b"", "--topic", "other").exception or AssertionError


def test_what_cannot_be_used_is_told_with_its_reason() -> None:
    result = explain(b'{"id": "i", "time": 1795165200}')
    assert result.return_value == 1
    assert "cannot be used: missing_field: model: is required" in result.stdout


@pytest.mark.parametrize("body", [b"\xff\xff", b""])
def test_what_is_of_no_format_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(Exception, match="neither JSON nor OTLP"):
        raise explain(body).exception or AssertionError


def test_nothing_in_it_is_a_failure() -> None:
    assert explain(b'{"resourceLogs": []}').return_value == 1


def test_the_formats_are_those_of_sources() -> None:
    assert set(FORMATS) == {*typing.get_args(Format), *typing.get_args(Transcript)}
