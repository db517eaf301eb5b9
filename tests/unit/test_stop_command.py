"""The command in a page: an operator's pattern, into which no name can bring anything of its own."""

import json
import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.stop_command import FIELDS, MAX_CHARS, faults, filled

BLOCK = 'curl -fsS "$URL/key/block" -H "Authorization: Bearer $LITELLM_MASTER_KEY" --json {key_json}'
HOSTILE = ["x; rm -rf /", "$(id)", "a' ; id ; '", 'a" ; id ; "', "a\\", "a b", "*", "~", "!!", "a&b|c>d", "#x"]


def test_a_litellm_key_is_blocked_by_its_hash() -> None:
    assert filled(BLOCK, {"key": "88dc28"}) == BLOCK.replace("{key_json}", """'{"key": "88dc28"}'""")


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_one_word_whatever_it_holds(value: str) -> None:
    command = filled("printf %s {agent}", {"agent": value})
    assert command is not None
    assert subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=10).stdout == value


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=60))
def test_no_value_adds_a_word_or_a_field_of_json(value: str) -> None:
    if (command := filled("block {key} -d {key_json}", {"key": value})) is None:
        return  # it cannot be seen whole
    verb, key, option, body = shlex.split(command)
    assert (verb, key, option, json.loads(body)) == ("block", value, "-d", {"key": value})


@pytest.mark.parametrize("value", ["", None, "-rf", "=ls", "a\nb", "`id`", "a\u202eb", "a\x1b[2Jb", "a" * 257])
def test_there_is_no_command_for_a_value_that_is_missing_or_is_not_what_it_seems(value: str | None) -> None:
    assert filled("stop {agent}", {"agent": value}) is None


def test_a_command_that_would_be_too_long_is_not_told() -> None:
    assert filled("stop " + "{run} " * 20, {"run": "r" * 200}) is None
    assert len(filled("stop {run}", {"run": "r" * 200}) or "") < MAX_CHARS


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("stop '{agent}'", "must not quote {agent}"),
        ('stop "{agent}"', "must not quote {agent}"),
        ("stop \\{agent}", "must not quote {agent}"),
        ("""curl -d '{"key": "{key}"}'""", "must not quote {key}"),
        ("stop `{agent}`", "must not hold `"),
        ("stop $'{agent}'", "must not hold `"),
        ("stop 'x", "a quote that is not closed"),
        ("stop {agnet}", "names agnet; the fields are tenant, team"),
        ("stop\n{agent}", "one line"),
    ],
)
def test_a_pattern_in_which_a_value_could_break_out_is_refused(pattern: str, fault: str) -> None:
    assert any(fault in told for told in faults(pattern)), faults(pattern)


@pytest.mark.parametrize("pattern", [BLOCK, "stop it", "kill {run}", "echo \"it's\" {id} 'a\\' ${HOME}", "a\\'b {run}"])
def test_a_pattern_whose_fields_stand_outside_of_quotes_is_one(pattern: str) -> None:
    assert faults(pattern) == []


def test_every_field_can_be_filled_in() -> None:
    values: dict[str, str | None] = {name: "x" for name in FIELDS if name != "key_json"}
    assert None not in [filled(f"stop {{{name}}}", values) for name in FIELDS]
