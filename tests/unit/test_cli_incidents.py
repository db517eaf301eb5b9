"""`detector incidents` and `detector incident` as they are called."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from detector import logs
from detector.cli import main
from detector.config import Config
from detector.errors import DeploymentError
from detector.incidents import asked
from detector.incidents.book import IncidentBook
from detector.model.alert import encode_alert
from tests.unit.alert_records import OPENED_S, alert

Ran = Callable[..., tuple[int, str, str]]
SOMEBODY = "u-bca97d83f2de"


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> IncidentBook:
    """What the commands find in the topic."""
    made = IncidentBook()
    monkeypatch.setattr(asked, "read_book", lambda config: made)
    monkeypatch.setattr(logs, "setup", lambda *_: None)
    for key in ("DETECTOR_POLICY__FILE", "DETECTOR_POLICY__TOKEN"):
        monkeypatch.delenv(key, raising=False)
    return made


@pytest.fixture
def run(book: IncidentBook, capsysbinary: pytest.CaptureFixture[bytes]) -> Ran:
    def ran(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capsysbinary.readouterr()
        return int(ended.value.code or 0), out.decode(), err.decode()

    return ran


def put(book: IncidentBook, id: str, **fields: Any) -> None:
    book.take(encode_alert(alert(id=id, **fields)), OPENED_S)


def listed(run: Ran, *options: str) -> list[str]:
    code, out, _ = run("incidents", "--json", *options)
    assert code == 0
    return [incident["alert"]["id"] for incident in json.loads(out)]


def test_it_lists_by_what_is_asked_for(book: IncidentBook, run: Ran) -> None:
    put(book, "page")
    put(book, "ticket", severity="warning", rule="spend_spike", team="data")
    put(book, "theirs", severity="info", tenant="other")
    put(book, "over", state="resolved", resolved_at=OPENED_S + 5)
    assert listed(run) == ["page", "ticket", "theirs", "over"]
    assert listed(run, "--open") == ["page", "ticket", "theirs"]
    assert listed(run, "--tenant", "other") == ["theirs"]
    assert listed(run, "--team", "data") == listed(run, "--rule", "spend_spike") == ["ticket"]
    assert listed(run, "--severity", "critical", "--open") == ["page"]
    code, out, _ = run("incidents")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["PAGE", "TICKET", "BOARD", "PAGE"]


def test_where_there_are_none_it_says_so_and_is_fine(book: IncidentBook, run: Ran) -> None:
    assert run("incidents")[:2] == (0, "no incidents\n")
    assert run("incidents", "--open")[:2] == (0, "no such incidents\n")
    assert run("incidents", "--json")[:2] == (0, "[]\n")
    assert run("incidents", "--severity", "loud")[0] == 2


def test_one_is_found_by_as_much_of_its_id_as_no_other_has(book: IncidentBook, run: Ran) -> None:
    for id in ("abc1", "abc2", "abc"):
        put(book, id, summary=f"It is {id}.")
    assert run("incident", "abc1")[1].startswith("It is abc1.\n")
    assert run("incident", "abc")[1].startswith("It is abc.\n"), "a whole id is meant"
    code, _, err = run("incident", "ab")
    assert (code, "3 incidents have an id that begins with 'ab': abc, abc1, abc2" in err) == (1, True)
    code, _, err = run("incident", "x\x1b[2J")
    assert code == 1
    assert "there is no incident whose id begins with 'x\\x1b[2J'" in err


def test_json_is_what_its_page_downloads(book: IncidentBook, run: Ran) -> None:
    put(book, "abc1", user=SOMEBODY, summary=f"{SOMEBODY} repeats")
    told = json.loads(run("incident", "abc1", "--json")[1])
    of = told["alert"]
    assert (of["id"], of["user"], of["summary"]) == ("abc1", "person", "person repeats")
    assert (told["written_s"], told["stop"]) == (OPENED_S, None)
    assert told["links"]["runbook"] == of["runbook_url"]
    assert [told] == json.loads(run("incidents", "--json")[1])


def test_the_scope_of_ones_token_says_what_is_seen(
    book: IncidentBook, run: Ran, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(book, "ours", team="red")
    put(book, "theirs", team="blue")
    token = tmp_path / "token"
    token.write_text("a token of twenty characters")
    policy = tmp_path / "policy.toml"
    grant = f'[[grant]]\ntoken_file = "{token}"\nscope = "team"\ntenant = "acme"\nteam = "red"\n'
    policy.write_text(f'default = "nothing"\n{grant}')
    monkeypatch.setenv("DETECTOR_POLICY__FILE", str(policy))
    for command in (("incidents",), ("incident", "ours")):
        code, _, err = run(*command)
        assert (code, "no incident may be seen (by default)" in err) == (3, True)
    monkeypatch.setenv("DETECTOR_POLICY__TOKEN", token.read_text())
    assert listed(run) == ["ours"]
    assert run("incident", "theirs")[0] == 1
    assert run("incident", "ours")[0] == 0


def test_a_topic_that_is_missing_is_said_with_what_to_do(run: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(config: Config) -> IncidentBook:
        raise DeploymentError("topic detector.alerts is missing; make it with: detector topics")

    monkeypatch.setattr(asked, "read_book", missing)
    code, out, err = run("incidents")
    assert (code, out, err) == (1, "", "detector: topic detector.alerts is missing; make it with: detector topics\n")
