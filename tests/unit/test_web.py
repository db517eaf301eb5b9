"""The web server: metrics, health and readiness, and what it says when it cannot listen."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from detector.config import Metrics as Limits
from detector.config import Web
from detector.errors import DeploymentError
from detector.metrics import Metrics
from detector.web.listening import Listening
from detector.web.server import Server


class Asked:
    """A server on any free port, whose stages are as well as the test says."""

    def __init__(self) -> None:
        self.failures: dict[str, list[str]] = {}
        self.unready: dict[str, list[str]] = {}
        self.metrics = Metrics(Limits())
        self.server = Server(Web(port=0), self.metrics, lambda: self.failures, lambda: self.unready)

    async def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str, str]:
        async with (
            ClientSession() as client,
            client.request(method, self.server.address + path, headers=headers) as answer,
        ):
            return answer.status, answer.headers["Content-Type"], await answer.text()


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    made = Asked()
    await made.server.start()
    yield made
    await made.server.stop()


async def test_metrics_are_in_the_text_format(asked: Asked) -> None:
    asked.metrics.late.inc(3)
    status, kind, text = await asked.get("/metrics")
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "\ndetector_late_total 3.0\n" in text


async def test_on_loopback_no_page_of_elsewhere_reads_metrics_by_a_name_that_leads_here(asked: Asked) -> None:
    asked.metrics.late.inc(3)
    status, _, text = await asked.get("/metrics", Host="evil.example")
    assert (status, "detector_" in text) == (421, False)
    for name in ("localhost:9464", "127.0.0.1", "[::1]:9464"):
        assert (await asked.get("/metrics", Host=name))[0] == 200
    for path in ("/healthz", "/readyz"):
        assert (await asked.get(path, Host="evil.example"))[0] == 200


async def test_all_is_well_without_reasons(asked: Asked) -> None:
    asked.unready = {"ingest": []}
    for path in ("/healthz", "/readyz"):
        assert await asked.get(path) == (200, "application/json; charset=utf-8", '{"status": "ok"}')


async def test_what_is_not_ready_is_alive(asked: Asked) -> None:
    asked.unready = {"watch": ["recovering", "no partitions"], "ingest": []}
    status, _, text = await asked.get("/readyz")
    assert status == 503
    assert text == '{"status": "unavailable", "reasons": {"watch": ["recovering", "no partitions"]}}'
    assert (await asked.get("/healthz"))[0] == 200


async def test_a_failed_stage_is_not_healthy(asked: Asked) -> None:
    asked.failures = {"watch": ["the broker is gone"]}
    status, _, text = await asked.get("/healthz")
    assert status == 503
    assert "the broker is gone" in text


@pytest.mark.parametrize(("path", "method", "status"), [("/", "GET", 404), ("/metrics", "POST", 405)])
async def test_nothing_else_is_served(path: str, method: str, status: int, asked: Asked) -> None:
    assert (await asked.get(path, method))[0] == status


async def test_port_0_is_any_free_one_and_the_address_tells(asked: Asked) -> None:
    host, port = asked.server.address.removeprefix("http://").split(":")
    assert host == "127.0.0.1"
    assert int(port) > 0


async def test_many_may_ask_at_once(asked: Asked) -> None:
    answers = await asyncio.gather(*(asked.get("/metrics") for _ in range(20)))
    assert {status for status, _, _ in answers} == {200}


async def test_a_taken_port_names_the_key() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = Server(Web(port=port), Metrics(Limits()), dict, dict)
        with pytest.raises(DeploymentError, match=rf"^web\.port: 127\.0\.0\.1:{port} is taken .* web\.port"):
            await server.start()
        await server.stop()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
async def test_a_host_that_is_not_ours_names_the_key(host: str) -> None:
    server = Server(Web(host=host, port=0), Metrics(Limits()), dict, dict)
    with pytest.raises(DeploymentError, match=r"^web\.host: .* is no address of this machine"):
        await server.start()


async def test_it_listens_on_loopback_unless_told() -> None:
    assert Web().host == "127.0.0.1"


async def test_stopping_twice_is_harmless_and_frees_the_port(asked: Asked) -> None:
    port = int(asked.server.address.rsplit(":", 1)[1])
    await asked.server.stop()
    await asked.server.stop()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


async def test_the_address_of_ipv6_is_a_url() -> None:
    server = Server(Web(host="::1", port=0), Metrics(Limits()), dict, dict)
    try:
        await server.start()
    except DeploymentError:
        pytest.skip("no IPv6 loopback here")
    assert server.address.startswith("http://[::1]:")
    await server.stop()


def test_the_address_is_unknown_before_it_is_started() -> None:
    server = Server(Web(), Metrics(Limits()), dict, dict)
    with pytest.raises(RuntimeError, match="not started"):
        _ = server.address


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /"]
)
async def test_a_connection_that_sends_no_whole_head_is_closed(sent: bytes) -> None:
    listening = Listening("web", "127.0.0.1", 0, 1.0, idle_s=0.1)
    await listening.start(web.Application())
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(listening.address.rpartition(":")[2]))
        writer.write(sent)
        async with asyncio.timeout(10):
            await reader.read()  # to its end
        writer.close()
    finally:
        await listening.stop()


async def test_clients_that_do_not_read_hold_up_no_other_nor_the_stop() -> None:
    asked = Asked()
    for n in range(20_000):
        asked.metrics.lag_records.labels("ingest", f"a topic with a long name {n:060}", "0").set(n)
    await asked.server.start()
    host, port = asked.server.address.removeprefix("http://").split(":")
    slow = [await asyncio.open_connection(host, int(port), limit=1) for _ in range(5)]
    for _, writer in slow:
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert all([await reader.read(1) == b"H" for reader, _ in slow])  # and no byte more
    assert (await asked.get("/healthz"))[0] == 200
    assert (await asked.get("/metrics"))[0] == 200
    async with asyncio.timeout(30):
        await asked.server.stop()
    for _, writer in slow:
        writer.close()


async def test_without_pages_it_says_whom_to_ask(asked: Asked) -> None:
    for path in ("/", "/incidents", "/incidents/e1"):
        status, kind, text = await asked.get(path)
        assert (status, kind) == (404, "text/plain; charset=utf-8")
        assert text.endswith("no pages: ask a worker that runs the stage pages.\n")


async def test_pages_are_answered_beside_metrics_and_health() -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="a page")

    made = Asked()
    await made.server.start([web.get("/", page)])
    try:
        assert (await made.get("/"))[2] == "a page"
        assert (await made.get("/incidents"))[0] == 404
        assert (await made.get("/healthz"))[0] == 200
    finally:
        await made.server.stop()
