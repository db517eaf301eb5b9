"""`detector audit` as it is called."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from detector.cli import main
from tests.support.judged import Event, call, in_order, status


def written(folder: Path, events: list[Event]) -> str:
    path = folder / "events.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in in_order(events)))
    return str(path)


def code_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["audit", *arguments])
    return int(ended.value.code or 0)


EVENTS = [call(0, task="T-1", team="red"), status(60, "T-1", category="completed"), call(120, task="T-2", team="blue")]


@pytest.mark.parametrize(
    ("form", "said"),
    [("terminal", "1 task completed, $2.00 each"), ("html", "<!doctype html>"), ("csv", "kind,tenant")],
)
def test_it_answers_in_each_format(
    form: str, said: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert code_of(written(tmp_path, EVENTS), "--format", form) == 0
    assert said in capsysbinary.readouterr().out.decode()


def test_json_is_one_object_for_machines(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert code_of(written(tmp_path, EVENTS), "--format", "json", "--days", "7") == 0
    told = json.loads(capsysbinary.readouterr().out)
    assert (told["days"], told["spend_usd"], told["tasks_completed"]) == (7.0, 2.0, 1)
    assert [team["team"] for team in told["teams"]] == ["blue", "red"]
    assert [task["task"] for task in told["shipped_nothing"]] == ["T-2"]


def test_what_cannot_be_done_is_said_and_ends_with_its_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, EVENTS)
    invoice = tmp_path / "invoice.csv"
    invoice.write_text("what,ever\n")
    assert code_of(path, "--team", "green") == 1
    assert "no call names the team 'green'; there are blue, red" in capsys.readouterr().err
    assert code_of(path, "--invoice", str(invoice)) == 1
    assert f"{invoice}: needs the columns provider, model, day and usd" in capsys.readouterr().err
    assert code_of(path, "--month", "2026-13") == 2
    assert "no month such as 2026-11" in capsys.readouterr().err
    assert code_of(path, "--team", "red", "--invoice", str(invoice)) == 2
    assert code_of(str(tmp_path / "nothing.jsonl")) == 2


def test_without_events_there_is_no_window(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(written(tmp_path, [])) == 0
    assert "no events" in capsys.readouterr().out


def test_a_disk_that_takes_no_more_is_said_with_its_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> Any:
        return Path("/dev/full").open("w+b", buffering=0)

    monkeypatch.setattr("detector.audit.calls.tempfile.TemporaryFile", full)
    assert code_of(written(tmp_path, EVENTS)) == 1
    assert "takes no more (No space left on device); name another folder by TMPDIR" in capsys.readouterr().err


def test_an_invoice_is_compared_by_provider_and_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    invoice = tmp_path / "invoice.csv"
    invoice.write_text("provider,model,day,usd\nacme,made-up,2026-09-21,3.5\n")
    events = [{**event, "provider": "acme"} if "model" in event else event for event in EVENTS]
    assert code_of(written(tmp_path, events), "--invoice", str(invoice)) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("acme, made-up"))
    assert line.split()[-3:] == ["$3.50", "$2.00", "$1.50"]


TOKEN = "3f9a" * 8


@pytest.fixture
def of_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The policy lets who runs it see the team red."""
    file = tmp_path / "policy.toml"
    digest = sha256(TOKEN.encode()).hexdigest()
    file.write_text(f"default = 'nothing'\n[[grant]]\nscope = 'team'\nteam = 'red'\ntoken_sha256 = '{digest}'\n")
    monkeypatch.setenv("DETECTOR_POLICY__FILE", str(file))
    monkeypatch.setenv("DETECTOR_POLICY__TOKEN", TOKEN)


@pytest.mark.usefixtures("of_red")
def test_the_scope_of_a_team_shows_that_team_and_refuses_another(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = written(tmp_path, EVENTS)
    assert code_of(path, "--format", "json") == 0
    told = json.loads(capfdbinary.readouterr().out)
    assert ([team["team"] for team in told["teams"]], told["spend_usd"]) == (["red"], 1.0)
    assert told["shipped_nothing"] == []
    assert code_of(path, "--team", "blue") == 3
    out, err = capfdbinary.readouterr()
    assert out == b""
    assert b"the scope is team 'red' (by grant[0])" in err
    invoice = tmp_path / "invoice.csv"
    invoice.write_text("provider,model,day,usd\nacme,made-up,2026-09-21,3.5\n")
    assert code_of(path, "--invoice", str(invoice)) == 2


@pytest.mark.usefixtures("of_red")
def test_the_same_team_of_another_tenant_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    others = {**call(180, task="T-3", team="red"), "tenant": "other"}
    assert code_of(written(tmp_path, [*EVENTS, others])) == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert "more than the scope" in told.err


@pytest.mark.usefixtures("of_red")
def test_without_a_token_where_the_default_is_nothing_there_is_no_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DETECTOR_POLICY__TOKEN")
    assert code_of(written(tmp_path, EVENTS)) == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert "the scope is nothing (by default)" in told.err
