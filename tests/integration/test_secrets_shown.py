"""No secret is in what the processes of the detector say, serve or are called, whatever goes wrong."""

import asyncio
import itertools
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from detector.config import Config
from detector.model.alert import encode_alert
from detector.pipeline.stage import STAGES
from tests.support.brokers import Kafka
from tests.support.services import free_port
from tests.support.sockets import PROC, tree
from tests.support.stages import producing, until
from tests.support.worker import Worker, run, worker
from tests.unit.alert_records import alert

SECRETS = {name: f"swordfish-of-{name}-0123456789abcdef" for name in ("password", "token", "key")}
ASKING = ("doctor", "topics --check", "link --run r --task t --timeout 3", "worker")
WRONG = [
    *itertools.product(("login", "nobody", "files"), ASKING),
    *itertools.product(("files",), ("config", "config --json", "prices gpt-5-mini")),
]


def shows(told: str) -> bool:
    return "swordfish" in told or any(secret in told for secret in SECRETS.values())


def titles(running: Worker) -> str:
    """What the processes are called, arguments included."""
    files = [PROC / str(each) / name for each in tree(running.process.pid) for name in ("cmdline", "comm")]
    return "".join(file.read_text() for file in files)


def secret_sections(directory: Path | None) -> dict[str, dict[str, Any]]:
    """All secrets, as values or, with a directory, in files."""
    told = {
        "kafka": ("sasl_password", SECRETS["password"]),
        "notify": ("bearer_token", SECRETS["token"]),
        "privacy": ("pseudonym_key", SECRETS["key"]),
    }
    if directory is None:
        return {section: {key: secret} for section, (key, secret) in told.items()}
    for key, secret in told.values():
        (directory / key).write_text(f"{secret}\n")
    return {section: {f"{key}_file": directory / key} for section, (key, _) in told.items()}


@pytest.mark.skipif(sys.platform != "linux", reason="asks for process titles through /proc")
@pytest.mark.parametrize("in_files", [False, True])
async def test_a_worker_shows_none_though_an_alertmanager_repeats_its_token(
    kafka: Kafka, tmp_path: Path, in_files: bool
) -> None:
    seen: list[str] = []

    async def echo(request: web.Request) -> web.Response:
        seen.append(request.headers["Authorization"])
        return web.json_response(dict(request.headers), status=400)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sections = secret_sections(tmp_path if in_files else None)
    sections["notify"]["alertmanagers"] = ["http://{}:{}".format(*runner.addresses[0])]
    config = kafka.config(**sections, web={"port": 0}, log={"level": "debug"})
    try:
        now_s = time.time()
        told = alert(opened_at=now_s - 30, updated_at=now_s - 20)
        async with producing(config) as producer:
            await producer.send_and_wait(config.topics.alerts, encode_alert(told), key=told.id.encode())
        with worker(config, tmp_path / "worker", "worker") as it:
            await until(lambda: "is refused" in it.said and it.said.count("stage started") == len(STAGES), "a refusal")
            answers = [await asyncio.to_thread(it.get, path) for path in ("/metrics", "/healthz", "/readyz")]
            called = titles(it)
            await asyncio.to_thread(it.end)
    finally:
        await runner.cleanup()
    assert SECRETS["token"] in seen[0]
    assert not shows(it.said)
    assert not shows("".join(answers))
    assert not shows(called)


@pytest.mark.parametrize(("fault", "command"), WRONG)
def test_no_command_shows_one_when_something_is_wrong(kafka: Kafka, tmp_path: Path, fault: str, command: str) -> None:
    sections = secret_sections(None)
    sections["kafka"] |= {"security_protocol": "SASL_PLAINTEXT", "sasl_username": "ann", "bootstrap": kafka.bootstrap}
    sections["notify"]["alertmanagers"] = [f"http://127.0.0.1:{free_port()}"]
    if fault == "nobody":
        sections["kafka"]["bootstrap"] = f"127.0.0.1:{free_port()}"
    if fault == "files":
        for section, key in (("kafka", "sasl_password"), ("notify", "bearer_token"), ("privacy", "pseudonym_key")):
            file = tmp_path / key
            file.write_bytes(sections[section][key].encode() + b"\xff")
            sections[section][f"{key}_file"] = file
    config = Config.model_validate(sections | {"web": {"port": 0}, "log": {"level": "debug"}})
    code, said = run(config, tmp_path, *command.split())
    expected = {"doctor": 1, "config": 0, "prices": 0}.get(command.split()[0], 2 if fault == "files" else 1)
    assert code == expected, said
    assert said
    assert not shows(said)
