"""A gateway without Kafka: what it would write is kept, as slowly or as badly as a test says."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, cast

import msgspec
from aiohttp import ClientSession

from detector.config import Config, load_config
from detector.gateway.server import Server
from detector.gateway.writer import Writer
from detector.kafka.outbox import Out, Outbox
from detector.metrics import Metrics
from tests.support.otlp import NOW


class FakeOutbox:
    """Acknowledges while `open` is set; fails with `error` where there is one."""

    def __init__(self) -> None:
        self.records: list[Out] = []
        self.deliveries = self.tried = 0
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None

    async def deliver(self, records: Sequence[Out]) -> None:
        self.tried += 1
        await self.open.wait()
        if self.error is not None:
            raise self.error
        self.deliveries += 1
        self.records += records


class Answered(NamedTuple):
    """An answer of the gateway."""

    status: int
    type: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        """Its JSON."""
        return msgspec.json.decode(self.body)


class Gateway:
    """A gateway that listens, and what it has written."""

    def __init__(self, settings: Mapping[str, Any], **sections: Any) -> None:
        self.config: Config = load_config(None, gateway={"port": 0, **settings}, **sections)
        self.outbox, self.metrics = FakeOutbox(), Metrics(self.config.metrics)
        self.writer = Writer(cast(Outbox, self.outbox))
        self.server = Server(self.config, self.metrics, lambda: NOW, self.writer)
        self.writing: asyncio.Future[None]

    async def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Answered:
        """Posts bytes, or anything else as JSON."""
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        told = {"Content-Type": "application/json", **(headers or {})}
        async with (
            ClientSession() as client,
            client.post(self.server.address + path, data=data, headers=told) as answer,
        ):
            return Answered(answer.status, answer.content_type, answer.headers, await answer.read())

    def written(self, topic: str) -> list[Any]:
        """The events in its records for a topic."""
        found: list[Any] = []
        for record in self.outbox.records:
            if record.topic == topic and record.value:
                value = msgspec.json.decode(record.value)
                found += value if isinstance(value, list) else [value]
        return found

    @property
    def calls(self) -> list[Any]:
        """The events for the topic of calls."""
        return self.written(self.config.topics.calls)

    @property
    def statuses(self) -> list[Any]:
        """The events for the topic of statuses."""
        return self.written(self.config.topics.status)

    @property
    def dead(self) -> list[tuple[bytes, dict[str, str]]]:
        """Dead letters: body and headers."""
        topic = self.config.topics.dead_letters
        return [
            (r.value or b"", {k: v.decode() for k, v in r.headers}) for r in self.outbox.records if r.topic == topic
        ]


@asynccontextmanager
async def listening(settings: Mapping[str, Any] | None = None, **sections: Any) -> AsyncIterator[Gateway]:
    """A gateway with these settings, until the end of the block."""
    gateway = Gateway(settings or {}, **sections)
    await gateway.server.start()
    gateway.writing = asyncio.create_task(gateway.writer.run())
    try:
        yield gateway
    finally:
        gateway.outbox.open.set()
        await gateway.server.stop()
        gateway.writer.close()
        await asyncio.gather(gateway.writing, return_exceptions=True)
