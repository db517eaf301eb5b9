"""Our Alertmanager configuration with its receivers on loopback, and what arrives there by each way."""

import asyncio
import email
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from email.message import Message
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

DEPLOYED = Path(__file__).parents[2] / "deploy" / "alertmanager"
WAITS = {"group_wait": "100ms", "group_interval": "300ms"}
"""In place of ours, so that a story takes seconds."""
KEY = "the-key-of-the-service"


class Desk:
    """Receives by webhook, Slack, PagerDuty and mail: `webhooks`, `slack` and `pages` as JSON, each with its path."""

    def __init__(self) -> None:
        self.webhooks: list[tuple[str, dict[str, Any]]] = []
        self.slack: list[tuple[str, dict[str, Any]]] = []
        self.pages: list[tuple[str, dict[str, Any]]] = []
        self.mails: list[Message] = []
        self.authorization: set[str | None] = set()
        self.url = ""
        self.smarthost = ""

    def config(self, directory: Path) -> str:
        """The deployed configuration, but for addresses, secrets and waits; its files are written to `directory`."""
        told: dict[str, Any] = yaml.safe_load((DEPLOYED / "alertmanager.yml").read_text(encoding="utf-8"))
        told["templates"] = [str(DEPLOYED / "templates" / "*.tmpl")]
        told["global"] |= {"smtp_smarthost": self.smarthost, "smtp_require_tls": False}
        told["route"] |= WAITS
        for route in routes(told["route"]):
            route.update({name: wait for name, wait in WAITS.items() if name in route})
        for receiver in told["receivers"]:
            name = receiver["name"]
            for each in receiver.get("slack_configs", []):
                each["api_url_file"] = _file(directory, f"slack-{name}", f"{self.url}/slack/{name}")
            for each in receiver.get("pagerduty_configs", []):
                each |= {
                    "routing_key_file": _file(directory, f"pagerduty-{name}", KEY),
                    "url": f"{self.url}/pagerduty/{name}",
                }
            for each in receiver.get("webhook_configs", []):
                each["url"] = f"{self.url}/webhook/{name}"
                each["http_config"]["authorization"]["credentials_file"] = _file(directory, f"webhook-{name}", KEY)
        return yaml.safe_dump(told)

    async def answer(self, request: web.Request) -> web.Response:
        told = await request.json()
        way = request.match_info["way"]
        heard = {"webhook": self.webhooks, "slack": self.slack, "pagerduty": self.pages}[way]
        heard.append((request.match_info["receiver"], told))
        if way == "webhook":
            self.authorization.add(request.headers.get("Authorization"))
        return web.json_response({"status": "success"}, status=202 if way == "pagerduty" else 200)

    async def take_mail(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """As much of SMTP as Alertmanager speaks to a host that offers neither TLS nor a login."""

        async def say(text: str) -> None:
            writer.write(text.encode() + b"\r\n")
            await writer.drain()

        await say("220 desk")
        while line := await reader.readline():
            verb = line.strip().upper()
            if verb == b"DATA":
                await say("354 go on")
                lines = []
                while (line := await reader.readline()) != b".\r\n":
                    lines.append(line.removeprefix(b"."))
                self.mails.append(email.message_from_bytes(b"".join(lines)))
                await say("250 taken")
            elif verb == b"QUIT":
                await say("221 bye")
                break
            else:
                await say("250 desk")
        writer.close()


def routes(route: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """A route's routes, and theirs."""
    for each in route.get("routes", []):
        yield each
        yield from routes(each)


def parts(mail: Message) -> dict[str, str]:
    """The texts of a mail by their type."""
    found = {}
    for part in mail.walk():
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            found[part.get_content_type()] = payload.decode()
    return found


def plain(details: dict[str, Any]) -> str:
    """All of what a page holds, as JSON writes it."""
    return json.dumps(details, ensure_ascii=False)


def errors(log: Path) -> list[str]:
    """What Alertmanager logged of templates and receivers that failed."""
    lines = log.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if re.search(r"level=(error|warn)|template: |executing ", line)]


def _file(directory: Path, name: str, text: str) -> str:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return str(path)


@asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    """A desk on loopback."""
    told, app = Desk(), web.Application(client_max_size=16 << 20)
    app.router.add_post("/{way}/{receiver}", told.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    told.url = "http://{}:{}".format(*runner.addresses[0])
    post = await asyncio.start_server(told.take_mail, "127.0.0.1", 0)
    told.smarthost = "{}:{}".format(*post.sockets[0].getsockname())
    try:
        yield told
    finally:
        post.close()
        await runner.cleanup()
