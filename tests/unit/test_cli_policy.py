"""`detector policy` as it is called: it tells of the configuration that holds, and no secret of it."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from detector.cli import cli
from detector.errors import ConfigError

pytestmark = pytest.mark.usefixtures("bare_environment")
KEY, TOKEN = "hunter2-hunter2-hunter2", "3f9a" * 8


def asked(*arguments: str, **variables: str) -> Result:
    env = {f"DETECTOR_{name}": value for name, value in variables.items()}
    return CliRunner().invoke(cli, ["policy", *arguments], env=env, standalone_mode=False)


def told(**variables: str) -> dict[str, Any]:
    result = asked("--json", **variables)
    assert result.exception is None
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture
def policy(tmp_path: Path) -> str:
    file = tmp_path / "policy.toml"
    file.write_text(f"""
default = "nothing"
trusted_proxies = ["127.0.0.1"]
[[grant]]
name = "officer"
token_sha256 = "{sha256(TOKEN.encode()).hexdigest()}"
scope = "tenant"
tenant = "*"
who = true
[[grant]]
header = "X-Forwarded-User"
value = "*@acme.example"
scope = "self"
tenant = "acme"
[[grant]]
token_file = "/run/secrets/board"
scope = "team"
team = "red"
""")
    return str(file)


def test_without_a_policy_everybody_sees_teams_without_people() -> None:
    assert told()["scopes"] == [
        {"scope": "tenant", "by": "everybody else", "sees": "teams, no people, of every tenant", "who": False}
    ]


def test_each_grant_is_told_by_what_it_asks_for_and_what_it_gives(policy: str) -> None:
    assert [tuple(scope.values()) for scope in told(POLICY__FILE=policy)["scopes"]] == [
        ("tenant", "officer: a token", "teams, no people, of every tenant", True),
        ("self", "grant[1]: the header X-Forwarded-User: *@acme.example", "one's own figures, of tenant acme", False),
        (
            "team", "grant[2]: the token in /run/secrets/board",
            "the sums of team red; people where at least five contribute, of tenant default", False,
        ),
        ("nothing", "everybody else", "nothing", False),
    ]  # fmt: skip


def test_where_the_key_comes_from_is_told_and_never_the_key(policy: str, tmp_path: Path) -> None:
    assert told()["pseudonym_key"] is None
    by_variable = asked("--json", PRIVACY__PSEUDONYM_KEY=KEY, POLICY__TOKEN=TOKEN, POLICY__FILE=policy)
    assert json.loads(by_variable.stdout)["pseudonym_key"] == "the variable DETECTOR_PRIVACY__PSEUDONYM_KEY"
    assert told(PRIVACY__PSEUDONYM_KEY_FILE="/run/secrets/key")["pseudonym_key"] == "the file /run/secrets/key"
    file = tmp_path / "detector.toml"
    file.write_text(f"[privacy]\npseudonym_key = {KEY!r}\n")
    by_file = CliRunner().invoke(cli, ["--config", str(file), "policy", "--json"], standalone_mode=False)
    assert json.loads(by_file.stdout)["pseudonym_key"] == "the configuration's file"
    in_words = asked(PRIVACY__PSEUDONYM_KEY=KEY, POLICY__TOKEN=TOKEN, POLICY__FILE=policy)
    for result in (by_variable, by_file, in_words):
        assert KEY not in result.output
        assert TOKEN not in result.output
        assert sha256(TOKEN.encode()).hexdigest() not in result.output


def test_people_are_told_as_the_configuration_shows_them() -> None:
    def people(**variables: str) -> dict[str, str]:
        return {topic["topic"]: topic["people"] for topic in told(**variables)["topics"]}

    assert people()["detector.observations"] == people()["detector.alerts"] == "pseudonyms"
    assert people(PRIVACY__PLAIN_USERS="true")["detector.alerts"] == "as sent"
    assert people()["detector.dead-letters"] == "as sent"
    assert people(INGEST__DEAD_LETTER_BYTES="false")["detector.dead-letters"] == "none"
    tracked = told(IDENTITY__SERVICES="ci-*,checkout")["tracked"]
    assert any(each["kept"] == "a keyed pseudonym, unless it is one of ci-*, checkout" for each in tracked)


def test_names_and_retention_of_topics_are_those_of_the_configuration() -> None:
    topics = told(TOPICS__ALERTS="our.alerts", SOURCES='[{"topic": "proxy.calls", "format": "litellm"}]')["topics"]
    kept = {topic["topic"]: topic["kept"] for topic in topics}
    assert kept["our.alerts"] == "the newest of each key, 30 days"
    assert kept["detector.dead-letters"] == "3 days"
    assert kept["proxy.calls"] == kept["llm.calls"] == "as its owner says"
    assert "detector.alerts" not in kept


def test_boards_are_where_the_configuration_shows_figures() -> None:
    where = [board["where"] for board in told(WEB__PORT="1234", NOTIFY__ALERTMANAGERS="http://am:9093")["boards"]]
    assert {"http://127.0.0.1:1234/metrics", "Alertmanager at http://am:9093", "detector audit"} <= set(where)
    assert "pages at http://127.0.0.1:1234/, detector incidents" in where


def test_words_say_what_json_says(policy: str) -> None:
    lines, found = asked(POLICY__FILE=policy).stdout, told(POLICY__FILE=policy)
    said = " ".join(lines.split())
    for topic in found["topics"]:
        assert topic["topic"] in said
        assert topic["holds"] in said
    for series in found["metrics"]:
        assert series["metric"] in said
    for scope in found["scopes"]:
        assert scope["by"] in said
        assert f"{scope['scope']}: {scope['sees']}" in said
    assert "may ask who" in said
    assert f"Who sees what, by {policy}" in said
    assert "the key of pseudonyms: not set: whoever guesses a name can check the guess" in said


def test_a_policy_that_is_wrong_is_an_error_of_the_configuration(tmp_path: Path) -> None:
    assert isinstance(asked(POLICY__FILE=str(tmp_path / "nothing")).exception, ConfigError)
