"""LiteLLM's own proxy before a model's server of ours: what it tells is what was answered, and its loops are found."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession

from detector.config import Config
from detector.metrics import Metrics
from detector.pipeline.gateway import GatewayStage
from detector.pipeline.ingest import IngestStage
from detector.pipeline.watch import WatchStage
from tests.support import litellm_proxy
from tests.support.brokers import Kafka
from tests.support.litellm_proxy import Proxy
from tests.support.stages import Reader, alerts_of, running, until
from tests.support.upstream import Asked, Reply, Upstream, Usage, upstream

pytestmark = pytest.mark.services

SESSION = "0b8f2c1e-6a57-4bb5-9d3e-1f1f7c0a9b11"
CLAUDE_CODE = {"x-claude-code-session-id": SESSION, "user-agent": "claude-cli/2.0.1 (external, cli)"}
MARK = "sesame-4711"
LOOPED = 20
ANSWERED = 11 + LOOPED
"""Calls in all. The generic callback posts them at once: it forgets what ends while it posts a batch."""

WAYS = {
    "callback": (["detector.litellm_callback.callback"], "DETECTOR_CALLBACK_ENDPOINT", ""),
    "generic": (["generic_api"], "GENERIC_LOGGER_ENDPOINT", "/v1/litellm"),
}


@pytest.fixture(autouse=True)
def _installed() -> None:
    litellm_proxy.python()


@pytest.fixture
def config(kafka: Kafka) -> Config:
    return kafka.config(
        gateway={"port": 0, "tokens": "acme token-of-this-test"},
        watch={"checkpoint_s": 0.4},
        time={"lateness_s": 0.3, "heartbeat_s": 0.2},
        ingest={"batch_wait_s": 0.05},
        privacy={"pseudonym_key": "of this test"},
    )


class Told:
    """What is in the topic of calls."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @property
    def value(self) -> bytes:
        return b"".join(record.value for record in self._reader.records)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for record in self._reader.records:
            yield from msgspec.json.decode(record.value)

    def calls(self) -> list[dict[str, Any]]:
        return [event for event in self if event.get("type") != "tool_result"]


class Client:
    """Speaks to the proxy as a program of its own would."""

    def __init__(self, session: ClientSession, proxy: Proxy, server: Upstream) -> None:
        self._session, self._proxy, self._server = session, proxy, server

    async def ask(self, path: str, reply: Reply, headers: dict[str, str] | None = None, **body: Any) -> int:
        self._server.next = reply
        told = {"Authorization": f"Bearer {self._proxy.key}", **(headers or {})}
        async with self._session.post(f"{self._proxy.url}{path}", json=body, headers=told) as got:
            await got.read()
            return got.status

    async def chat(self, reply: Reply, messages: list[Any], **more: Any) -> int:
        return await self.ask("/v1/chat/completions", reply, model="gpt-5-mini", messages=messages, **more)

    async def claude(self, reply: Reply, messages: list[Any], **more: Any) -> int:
        headers = more.pop("headers", None)
        body = {"model": "claude-sonnet-4-5", "max_tokens": 500, "messages": messages, **more}
        return await self.ask("/v1/messages", reply, headers, **body)


async def several(client: Client) -> None:
    """Whole answers and streams, tools, and failures, in both forms."""
    user: list[Any] = [{"role": "user", "content": MARK}]
    asked = Reply(tools=(Asked("t1", "read_file", {"path": MARK}),))
    call = {"id": "t1", "type": "function", "function": {"name": "read_file", "arguments": "{}"}}
    went_on = [*user, {"role": "assistant", "tool_calls": [call]}]
    went_on.append({"role": "tool", "tool_call_id": "t1", "content": MARK})
    assert await client.chat(asked, user) == 200
    assert await client.chat(Reply(MARK), went_on) == 200
    assert await client.chat(Reply(f"a stream of {MARK}"), user, stream=True) == 200
    assert await client.chat(Reply(MARK), user, stream=True, stream_options={"include_usage": True}) == 200
    assert await client.chat(asked, user, stream=True) == 200
    assert await client.claude(Reply(MARK), user) == 200
    assert await client.claude(asked, user, stream=True) == 200
    for status in (429, 500):
        assert await client.chat(Reply(status=status), user) == status
        assert await client.claude(Reply(status=status), user) == status


async def loop(client: Client) -> None:
    """A session of Claude Code that runs the same failing test again and again."""
    messages: list[Any] = [{"role": "user", "content": "make the tests pass"}]
    for n in range(LOOPED):
        tool = Asked(f"toolu_{n}", "Bash", {"command": "npm test"})
        assert await client.claude(Reply(tools=(tool,)), messages, headers=CLAUDE_CODE, stream=True) == 200
        asked = {"type": "tool_use", "id": tool.id, "name": tool.name, "input": tool.arguments}
        text = f"FAIL {MARK}/cart.test.js at 2026-11-29T04:{n:02d}:07Z\n1 test failed in {n * 7 + 3} ms"
        result = {"type": "tool_result", "tool_use_id": tool.id, "content": text, "is_error": True}
        messages += [{"role": "assistant", "content": [asked]}, {"role": "user", "content": [result]}]


def total(calls: list[dict[str, Any]]) -> Usage:
    names = Usage("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")  # type: ignore[arg-type]
    return Usage(*(sum(call["usage"].get(str(name)) or 0 for call in calls) for name in names))


def of_server(server: Upstream) -> Usage:
    return Usage(*map(sum, zip(*server.told, strict=True)))


@pytest.mark.parametrize("way", WAYS)
async def test_what_the_proxy_tells_is_what_was_answered_and_a_loop_in_it_is_found(
    way: str, config: Config, tmp_path: Path
) -> None:
    callbacks, variable, path = WAYS[way]
    gateway = GatewayStage(config, Metrics(config.metrics))
    async with (
        upstream() as server,
        ClientSession() as session,
        Reader(config, config.topics.calls) as read,
        Reader(config, config.topics.alerts) as alerts,
        running(gateway),
        running(IngestStage(config, Metrics(config.metrics))),
        running(WatchStage(config, Metrics(config.metrics))),
    ):
        variables = {
            variable: gateway.address + path,
            "DETECTOR_CALLBACK_TOKEN": "token-of-this-test",
            "GENERIC_LOGGER_HEADERS": "Authorization=Bearer token-of-this-test",
            "DEFAULT_BATCH_SIZE": str(ANSWERED),
            "DEFAULT_FLUSH_INTERVAL_SECONDS": "3600",
        }
        proxy = Proxy(tmp_path, server.url, callbacks, variables)
        told = Told(read)
        try:
            await asyncio.to_thread(proxy.start)
            client = Client(session, proxy, server)
            await several(client)
            await loop(client)
            answered = len(server.told) + server.failed
            assert answered == ANSWERED
            await until(lambda: len(told.calls()) >= answered, f"{answered} calls; {proxy.log}")
            await until(lambda: any(a.rule == "loop" for a in alerts_of(alerts).values()), "a loop")
        finally:
            await asyncio.to_thread(proxy.kill)
    calls = told.calls()
    assert len({call["id"] for call in calls}) == len(calls) == answered
    assert total(calls) == of_server(server)
    assert sorted(c["status"] for c in calls if c["status"] != "ok") == ["error"] * 2 + ["rate_limited"] * 2
    assert {call["tenant"] for call in calls} == {"acme"}
    assert sum(call["run"] == SESSION for call in calls) == LOOPED
    assert {a.run for a in alerts_of(alerts).values() if a.rule == "loop"} == {SESSION}
    assert MARK.encode() not in told.value  # where the proxy sends it, the gateway takes it out
