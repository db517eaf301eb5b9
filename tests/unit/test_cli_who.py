"""`detector who` as it is called: whom it answers, what it prints, and what it leaves in the trail."""

import io
import json
import stat
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from detector.cli import main
from detector.enrich.pseudonyms import Pseudonyms

pytestmark = pytest.mark.usefixtures("bare_environment")

KEY, OFFICER, BOARD = "a key of some length", "3f9a" * 8, "77aa" * 8
NAMES = "ann@acme.example\nmara@acme.example\nzoe@acme.example\n"
Ask = Callable[..., int]


def pseudonym(name: str, tenant: str = "acme") -> str:
    return Pseudonyms(KEY.encode()).made(tenant, name)


MARA = pseudonym("mara@acme.example")


def digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


POLICY = f"""
[[grant]]
name = "officer"
token_sha256 = "{digest(OFFICER)}"
scope = "tenant"
tenant = "acme"
who = true
[[grant]]
name = "board"
token_sha256 = "{digest(BOARD)}"
scope = "tenant"
tenant = "acme"
"""


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Asks with a configuration whose keys can be given, and a file of names."""
    (tmp_path / "policy.toml").write_text(POLICY)
    (tmp_path / "names").write_text(NAMES)
    told = {
        "PRIVACY__PSEUDONYM_KEY": KEY,
        "POLICY__FILE": str(tmp_path / "policy.toml"),
        "POLICY__TRAIL_FILE": str(tmp_path / "trail"),
        "POLICY__TOKEN": OFFICER,
    }

    def asked(who: str = MARA, *more: str, names: str | None = str(tmp_path / "names"), **variables: str) -> int:
        for name, value in (told | variables).items():
            monkeypatch.setenv(f"DETECTOR_{name}", value)
        arguments = ["who", who, *(["--names", names] if names is not None else []), "--tenant", "acme", *more]
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        return int(ended.value.code or 0)

    return asked


def trail(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "trail").read_text().splitlines()]


def test_it_prints_the_match_and_nothing_else(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask() == 0
    assert capsys.readouterr().out == "mara@acme.example\n"


def test_names_may_come_from_standard_input(
    ask: Ask, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(NAMES.encode())))
    assert ask(names="-") == 0
    assert capsys.readouterr().out == "mara@acme.example\n"


def test_where_none_fits_nothing_is_printed(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(pseudonym("nobody")) == 1
    assert ask(pseudonym("mara@acme.example", "other")) == 1
    assert ask(PRIVACY__PSEUDONYM_KEY="the key of after a rotation") == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "@acme.example" not in told.err


def test_every_question_is_in_the_trail_and_the_log_without_the_name(
    ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.time()
    asked = [ask(), ask(pseudonym("nobody"), LOG__LEVEL="error"), ask(POLICY__TOKEN=BOARD)]
    assert asked == [0, 1, 3]
    lines = trail(tmp_path)
    assert [(line["grant"], line["answer"]) for line in lines] == [
        ("officer", "asked"), ("officer", "found"), ("officer", "asked"), ("officer", "not found"),
        ("board", "refused"),
    ]  # fmt: skip
    about = [MARA, MARA, pseudonym("nobody"), pseudonym("nobody"), MARA]
    assert [line["pseudonym"] for line in lines] == about
    assert all(began <= line["time"] <= time.time() and line["tenant"] == "acme" for line in lines)
    assert "mara" not in (tmp_path / "trail").read_text()
    said = [line for line in capsys.readouterr().err.splitlines() if "asked whose a pseudonym is" in line]
    assert [line.partition("answer=")[2] for line in said] == [line["answer"] for line in lines]
    assert all(f"pseudonym={who}" in line for who, line in zip(about, said, strict=True))
    assert stat.S_IMODE((tmp_path / "trail").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "variables",
    [{"POLICY__TOKEN": BOARD}, {"POLICY__TOKEN": "a token of nobody's"}, {"POLICY__TOKEN": ""}, {"POLICY__FILE": ""}],
)
def test_who_has_no_grant_for_it_is_refused_and_the_names_are_not_read(
    ask: Ask, variables: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(**variables) == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert "has no who = true" in told.err
    assert "mara" not in told.err
    assert trail(tmp_path)[0]["answer"] == "refused"


def test_a_grant_is_of_its_tenant_alone(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(pseudonym("mara@acme.example", "other"), "--tenant", "other") == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert "is of the tenant 'acme'" in told.err


@pytest.mark.parametrize("kept", [None, "/dev/null", "folder", "link", "no/such/folder"])
def test_without_a_trail_that_keeps_what_is_written_it_does_not_answer(
    ask: Ask, kept: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    code = ask(POLICY__TRAIL_FILE=str(tmp_path / kept) if kept is not None else "")
    assert code == (1 if kept is not None else 2)
    assert capsys.readouterr().out == ""


def test_a_disk_that_takes_no_more_means_no_answer(
    ask: Ask, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int, line: bytes) -> int:
        raise OSError(28, "No space left on device", "trail")

    monkeypatch.setattr("detector.policy.trail.os.write", full)
    assert ask() == 1
    assert capsys.readouterr().out == ""


def test_the_trail_is_added_to_and_never_begun_anew(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "trail").write_text('{"answer": "of last year"}\n')
    assert ask() == 0
    assert [line["answer"] for line in trail(tmp_path)] == ["of last year", "asked", "found"]


@pytest.mark.parametrize("who", ["mara", "u-123", "u-0123456789AB", "u-0123456789abc", "", "u-0123456789ab\n"])
def test_what_is_no_pseudonym_is_wrong_usage(ask: Ask, who: str) -> None:
    assert ask(who) == 2


def test_a_tenant_that_is_no_text_is_wrong_usage(ask: Ask) -> None:
    assert ask(MARA, "--tenant", "\udc80") == 2


def test_what_is_asked_is_in_the_trail_before_a_name_is_read(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*told: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("detector.policy.names.named", interrupted)
    assert ask() == 1
    assert [line["answer"] for line in trail(tmp_path)] == ["asked"]


def test_a_list_is_needed_and_has_to_be_there(ask: Ask, tmp_path: Path) -> None:
    assert ask(names=None) == 2
    assert ask(names=str(tmp_path / "nothing")) == 2


HOSTILE = b"".join(
    [
        b"\xff\xfe\n\n\r\n", b"a" * 3_000_000 + b"mara@acme.example\n", b"x" * 2056 + b"\n", MARA.encode() + b"\n",
        "\u00e9\u4e16\U0001f600\n".encode(), b"\xed\xb2\x80\n", b"\0\n",
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("mara@acme.example", "mara@acme.example"),
        ("  mara@acme.example \r", "mara@acme.example"),
        ("\ufeffmara@acme.example", "mara@acme.example"),
        ("J\u00f6rg M\u00fcller", "J\u00f6rg M\u00fcller"),
        ("e" * 512, "e" * 512),
        ("\u4e16" * 512, "\u4e16" * 512),
        ("evil\x1b[2Jname", repr("evil\x1b[2Jname")),
    ],
)
def test_a_name_is_found_among_whatever_else_a_list_holds(
    ask: Ask, line: str, printed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for n, end in enumerate((b"\n", b"")):
        (tmp_path / f"list-{n}").write_bytes(HOSTILE + line.encode() + end)
        assert ask(pseudonym(line.strip().strip("\ufeff")), names=str(tmp_path / f"list-{n}")) == 0
        assert capsys.readouterr().out == printed + "\n"


@pytest.mark.parametrize("name", ["n" * 513, "a" * 3_000_000 + "mara@acme.example"])
def test_what_is_longer_than_a_name_is_none(ask: Ask, name: str, tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(HOSTILE + name.encode())
    assert ask(pseudonym(name), names=str(tmp_path / "long")) == 1
    assert ask(names=str(tmp_path / "long")) == 1
