"""What the gateway costs: `python -m tests.bench.gateway KIND` is the child that takes bodies, acknowledged at once.

Its floor is a server that reads a body and answers: what aiohttp costs by itself.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple, cast

from aiohttp import ClientSession, web

from detector.config import load_config
from detector.gateway.server import Server
from detector.gateway.writer import Writer
from detector.kafka.outbox import Out, Outbox
from detector.metrics import Metrics
from detector.web.listening import Listening
from tests.bench.children import Answers, Child
from tests.bench.decoders import codex_records
from tests.support.bodies import RESOURCE
from tests.support.otlp import logs_protobuf

KINDS = ("gateway", "floor")
CALLS = {"one call": 1, "50 calls": 50}
AT_ONCE = 8
REQUESTS = 400


class Posted(NamedTuple):
    """CPU µs a log record, of the gateway and of its floor; records a body."""

    us: float
    floor_us: float
    records: int


def measure_gateway(rounds: int) -> dict[str, Posted]:
    """By size of body; medians of so many rounds, gateway and floor in turn."""
    bodies = {name: codex_records(calls) for name, calls in CALLS.items()}
    found = {}
    with Child("tests.bench.gateway", "gateway") as gateway, Child("tests.bench.gateway", "floor") as floor:
        for child in (gateway, floor):
            child.ready()
        for name, records in bodies.items():
            body = logs_protobuf(records, RESOURCE)
            requests = max(20, REQUESTS // CALLS[name])
            costs = [[asyncio.run(_cost(child, body, requests)) for child in (gateway, floor)] for _ in range(rounds)]
            us, floor_us = (median(cost) / requests / len(records) * 1e6 for cost in zip(*costs, strict=True))
            found[name] = Posted(us, floor_us, len(records))
    return found


async def _cost(child: Child, body: bytes, requests: int) -> float:
    """Seconds of CPU for so many requests."""
    before = child.sample()
    address = f"http://127.0.0.1:{before['port']:.0f}/v1/logs"
    left = iter(range(requests))
    async with ClientSession(headers={"Content-Type": "application/x-protobuf"}) as client:

        async def post() -> None:
            for _ in left:
                async with client.post(address, data=body) as answer:
                    answer.raise_for_status()

        await asyncio.gather(*[post() for _ in range(AT_ONCE)])
    return child.sample()["cpu_s"] - before["cpu_s"]


class _AtOnce:
    async def deliver(self, records: Sequence[Out]) -> None:
        """Acknowledged before it is sent: what Kafka costs is measured with the stages."""


async def _floor(request: web.Request) -> web.Response:
    async for _ in request.content.iter_any():
        pass
    return web.Response()


async def main(kind: str) -> None:
    """Takes bodies until standard input ends."""
    config = load_config(None, gateway={"port": 0}, ingest={"refuse_past_s": 1e9, "refuse_future_s": 1e9})
    writer = Writer(cast(Outbox, _AtOnce()))
    server: Server | Listening
    if kind == "gateway":
        server = Server(config, Metrics(config.metrics), time.time, writer)
        await server.start()
    else:
        app = web.Application()
        app.add_routes([web.post("/{path:.*}", _floor)])
        server = Listening("gateway", "127.0.0.1", 0, 1.0)
        await server.start(app, auto_decompress=False)
    writing = asyncio.create_task(writer.run())
    port, stop = float(server.address.rpartition(":")[2]), asyncio.Event()
    Answers(stop, lambda: {"port": port})
    await stop.wait()
    await server.stop()
    writer.close()
    await writing


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
