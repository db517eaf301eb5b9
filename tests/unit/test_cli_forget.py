"""`detector forget` as it is called, before any broker is asked."""

import json
from pathlib import Path

import pytest

from detector.cli import main
from detector.forgetting import NOBODY

PERSON = "u-0123456789ab"


def code_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("asked", "said"), [("mara", "a pseudonym is u- and 12 hex digits"), (NOBODY, "those who were forgotten already")]
)
def test_what_is_no_pseudonym_is_refused(asked: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("forget", asked) == 2
    assert said in capsys.readouterr().err


def test_where_a_policy_is_set_it_needs_the_right_to_ask_who_and_leaves_a_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy.toml").write_text('default = "tenant"\n')
    settings = tmp_path / "detector.toml"
    trail = tmp_path / "trail.jsonl"
    settings.write_text(f'[policy]\nfile = "{tmp_path}/policy.toml"\ntrail_file = "{trail}"\n')
    assert code_of("--config", str(settings), "forget", PERSON) == 3
    assert "has no who = true for every tenant" in capsys.readouterr().err
    (told,) = map(json.loads, trail.read_text().splitlines())
    assert (told["pseudonym"], told["answer"]) == (PERSON, "refused to forget")


def test_without_a_broker_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "detector.toml"
    settings.write_text('[kafka]\nbootstrap = "localhost:1"\n')
    assert code_of("--config", str(settings), "forget", PERSON) == 1
    assert "localhost:1" in capsys.readouterr().err
