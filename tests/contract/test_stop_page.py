"""What docs/stop.md shows works as it stands: the receiver, LiteLLM's keys, the hook of an agent, the scheduler."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from detector.config.stop import Stop as Settings
from detector.stopping.asking import ask
from detector.stopping.record import Stop, request_of, stop_of
from detector.stopping.signing import signed
from tests.support.receiving import receiving
from tests.support.services import Service, free_port
from tests.unit.alert_records import alert

PAGE = (Path(__file__).parents[2] / "docs" / "stop.md").read_text(encoding="utf-8")
RECEIVER, LITELLM, HOOK, SCHEDULER = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
SECRET = "of-this-test-0123456789abcdef"
STOP = stop_of(alert(key="88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"), "on", "here", time.time())


class Running:
    """The page's receiver in a process of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory, port = directory / "stops", free_port()
        self.directory.mkdir()
        (directory / "receiver.py").write_text(RECEIVER)
        (directory / "secret").write_text(f"{SECRET}\n")
        told = {"STOP_SECRET_FILE": directory / "secret", "STOP_DIR": self.directory, "STOP_PORT": port}
        variables = [f"{name}={value}" for name, value in told.items()]
        self.url = f"http://127.0.0.1:{port}/stop"
        argv = ["/usr/bin/env", *variables, sys.executable, str(directory / "receiver.py")]
        self.service = Service(argv, directory / "receiver.log")
        self.service.start(lambda: self.post(b"", {}) == 401)

    def post(self, body: bytes, headers: dict[str, str]) -> int:
        request = urllib.request.Request(self.url, data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except (urllib.error.URLError, ConnectionError):
            return 0

    def asked(self, stop: Stop) -> int:
        """What the detector's own request is answered with."""

        async def once() -> int:
            async with aiohttp.ClientSession() as session:
                settings = Settings(mode="on", url=self.url, secret=SECRET)  # type: ignore[arg-type]
                return await ask(session, settings, stop, time.time)

        return asyncio.run(once())

    def left(self, kind: str) -> int:
        return len(list(self.directory.glob(f"{kind}-*")))


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    try:
        yield running
    finally:
        running.service.kill()


def test_the_receiver_stops_what_the_detector_asks_for_and_only_once(receiver: Running) -> None:
    assert receiver.asked(STOP) == 202
    for word in receiver.directory.glob("run-*"):
        word.unlink()
    assert receiver.asked(STOP) == 202  # as after a kill: known by its id
    assert (receiver.left("id"), receiver.left("run")) == (1, 0)


def test_the_receiver_takes_no_other_signature_no_other_body_and_nothing_old(receiver: Running) -> None:
    body, now = request_of(STOP), time.time()
    right = signed(SECRET.encode(), STOP.id, now, body)
    assert receiver.post(body, signed(b"another", STOP.id, now, body)) == 401
    assert receiver.post(body + b" ", right) == 401
    assert receiver.post(body, right | {"webhook-id": "other"}) == 401
    assert receiver.post(body, signed(SECRET.encode(), STOP.id, now - 301, body)) == 401
    assert receiver.left("run") == 0
    assert receiver.post(body, right) == 202


def test_what_could_not_be_stopped_is_asked_again(receiver: Running) -> None:
    away = receiver.directory.rename(receiver.directory.with_name("away"))
    assert receiver.asked(STOP) == 503
    away.rename(receiver.directory)
    assert receiver.asked(STOP) == 202


def test_what_is_nothing_to_stop_is_refused(receiver: Running) -> None:
    assert receiver.asked(replace(STOP, run=None)) == 404
    assert receiver.left("id") == 0


@pytest.mark.parametrize("said", [b"", b"POST /stop HTTP/1.1\r\nContent-Length: 9\r\n\r\n"])
def test_a_connection_that_says_nothing_more_holds_up_no_stop_for_long(receiver: Running, said: bytes) -> None:
    with socket.create_connection(("127.0.0.1", int(receiver.url.split(":")[2].split("/")[0]))) as silent:
        silent.sendall(said)
        assert receiver.asked(STOP) == 202


def test_a_length_below_nothing_is_a_body_without_anything(receiver: Running) -> None:
    assert receiver.post(b"", {"Content-Length": "-1"}) == 401


def hook(directory: Path, session: str) -> str:
    script = directory / "hook.py"
    script.write_text(HOOK)
    told = json.dumps({"session_id": session, "hook_event_name": "PreToolUse", "tool_name": "Bash"})
    variables = os.environ | {"STOP_DIR": str(directory / "stops")}
    return subprocess.run(
        [sys.executable, str(script)], input=told, env=variables, capture_output=True, text=True, check=True, timeout=30
    ).stdout


def test_the_hook_ends_the_session_that_was_asked_for_and_no_other(receiver: Running, tmp_path: Path) -> None:
    assert hook(tmp_path, "run-7") == ""
    assert receiver.asked(STOP) == 202
    assert json.loads(hook(tmp_path, "run-7"))["continue"] is False
    assert hook(tmp_path, "run-8") == ""


def stopping(block: str) -> Any:
    """The `stop` of a block."""
    told: dict[str, Any] = {}
    exec(compile(block, "docs/stop.md", "exec"), told)
    return told["stop"]


def test_a_key_is_blocked_as_litellms_proxy_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = json.loads(request_of(STOP))
    with receiving() as proxy:
        proxy.answers = [(204, {}, b""), (500, {}, b"")]
        monkeypatch.setenv("LITELLM_URL", proxy.url)
        monkeypatch.setenv("LITELLM_MASTER_KEY", "sk-master")
        stopping(LITELLM)(asked)
        with pytest.raises(urllib.error.HTTPError) as failed:
            stopping(LITELLM)(asked)
        failed.value.close()
        with pytest.raises(LookupError):
            stopping(LITELLM)(asked | {"key": None})
    path, headers, body = proxy.requests[0]
    assert (path, headers["Authorization"]) == ("/key/block", "Bearer sk-master")
    assert json.loads(body) == {"key": asked["key"]}


@pytest.mark.parametrize("odd", [None, "", "--all", "a b", "a;b", "a,b=c", "x" * 64])
def test_a_job_is_deleted_by_its_label_and_no_name_becomes_an_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str | None
) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/said\n')
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    asked = json.loads(request_of(STOP))
    stopping(SCHEDULER)(asked)
    with pytest.raises(LookupError):
        stopping(SCHEDULER)(asked | {"run": odd})
    said = (tmp_path / "said").read_text().splitlines()
    assert said == ["delete job --namespace=agents --selector=run=run-7 --wait=false"]
