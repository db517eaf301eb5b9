"""`detector hook claude-code`: a session is linked to its branch's ticket, and never hindered."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from detector import logs
from detector.cli import main
from tests.support.listener import Listener, listening

pytestmark = pytest.mark.usefixtures("bare_environment")

TOKEN = "s3cr3t-of-this-test"


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Hook = Callable[..., Ended]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/feature/PAY-1312-round-cents\n")
    return tmp_path


@pytest.fixture
def hook(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, repository: Path) -> Hook:
    """Runs the hook of a session in that repository, or on any other input."""
    monkeypatch.setattr(logs, "setup", lambda *_: None)
    told = json.dumps(
        {
            "session_id": "5b2f", "transcript_path": "t.jsonl", "cwd": str(repository),
            "hook_event_name": "SessionStart", "source": "startup",
        }
    )  # fmt: skip

    def ran(*arguments: str, told: str | bytes = told) -> Ended:
        raw = told if isinstance(told, bytes) else told.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        with pytest.raises(SystemExit) as end:
            main(["hook", "claude-code", *arguments])
        assert isinstance(end.value.code, int)
        return Ended(end.value.code, *capsys.readouterr())

    return ran


def sent(gateway: Listener) -> dict[str, str]:
    (posted,) = gateway.posted
    told: dict[str, str] = json.loads(posted.body)
    return told


def test_the_session_is_linked_to_the_ticket_of_its_branch(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as gateway:
        monkeypatch.setenv("DETECTOR_PUSH__GATEWAY", gateway.address)
        monkeypatch.setenv("DETECTOR_PUSH__TOKEN", TOKEN)
        ended = hook()
        link = sent(gateway)
        assert gateway.posted[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert (link["type"], link["run"], link["task"], link["source"]) == ("link", "5b2f", "PAY-1312", "claude_code")
    assert ended == (0, "", "detector: the session works on task PAY-1312\n")


def test_what_a_ticket_looks_like_is_configured_or_told(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_WEBHOOKS__TASK_PATTERN", "round-[a-z]+")
    assert '"task":"round-cents"' in hook("--dry-run").err
    assert '"task":"1312"' in hook("--dry-run", "--pattern", "[0-9]+").err
    assert '"task":"OPS-9"' in hook("--dry-run", "--task", "OPS-9", "--tenant", "acme").err


def test_a_branch_that_names_no_ticket_sends_nothing(hook: Hook, repository: Path) -> None:
    (repository / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    with listening() as gateway:
        ended = hook("--gateway", gateway.address)
        assert gateway.posted == []
    assert ended == (0, "", "detector: the session is not linked: its branch names no ticket\n")


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"session_id":5}',
        b'{"session_id":""}',
        b"\xff",
        b"[" * 200_000,
        b'{"session_id":"x"}',
    ],
)
def test_any_input_ends_well_and_says_nothing_to_the_conversation(
    hook: Hook, told: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("no repository"))
    code, out, err = hook("--gateway", "http://127.0.0.1:1", told=told)
    assert (code, out) == (0, "")
    assert err.startswith("detector: the session is not linked: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--gateway", "http://127.0.0.1:1"),
        ("--gateway", "no address"),
        ("--pattern", "("),
        ("--task", "x" * 513, "--dry-run"),
    ],
)
def test_no_failure_is_one_of_the_session(hook: Hook, arguments: tuple[str, ...]) -> None:
    code, out, err = hook(*arguments)
    assert (code, out) == (0, "")
    assert err.startswith("detector: the session is not linked: ")


def test_a_wrong_configuration_is_none_either(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_WEB__PORT", "x")
    code, out, err = hook()
    assert (code, out) == (0, "")
    assert "DETECTOR_WEB__PORT" in err


def test_one_that_hangs_gives_up() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DETECTOR_")}
    script = "from detector.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", script, "hook", "claude-code", "--timeout", "1"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        out, err = process.stdout.read(), process.stderr.read()  # its input stays open all the time
        assert process.wait(60) == 0
    assert (out, err) == (b"", b"detector: the session is not linked: it takes too long\n")
