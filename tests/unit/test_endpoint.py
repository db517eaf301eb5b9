"""An Alertmanager over HTTP: answers told apart, secrets kept, troubles named."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from detector.alerts.alertmanager import firing, notice_of
from detector.alerts.endpoint import SHOWN_CHARS, Endpoint, RefusedError, UnreachableError
from detector.config import Config, Notify
from detector.errors import ConfigError
from detector.metrics import Metrics
from tests.unit.alert_records import OPENED_S, alert

ALERTS = [firing(notice_of(alert(), OPENED_S), OPENED_S, 900)]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(
    handler: Handler, path: str = "/api/v2/alerts", tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """An HTTP server on loopback; its address as host:port."""
    app = web.Application()
    app.router.add_route("*", path, handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield "{}:{}".format(*runner.addresses[0])
    finally:
        await runner.cleanup()


@asynccontextmanager
async def endpoint(base: str, **settings: Any) -> AsyncIterator[Endpoint]:
    metrics = Metrics(Config().metrics, CollectorRegistry())
    async with aiohttp.ClientSession() as session:
        yield Endpoint(base, Notify(**settings), session, metrics.notify_requests, lambda: OPENED_S)


def answering(status: int, text: str = "", content_type: str = "application/json") -> Handler:
    async def answer(request: web.Request) -> web.Response:
        headers = {"Location": "http://127.0.0.1:9/elsewhere"} if status == 302 else None
        return web.Response(status=status, text=text, content_type=content_type, headers=headers)

    return answer


async def test_alerts_are_posted_as_json_below_the_path_of_the_base_address() -> None:
    got: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        got.append((request.method, request.content_type, await request.json()))
        return web.Response()

    async with (
        serving(take, "/prefix/api/v2/alerts") as address,
        endpoint(f"http://{address}/prefix/") as there,
    ):
        await there.post(ALERTS)
    assert got[0][:2] == ("POST", "application/json")
    assert got[0][2][0]["labels"]["episode"] == "e1"


@pytest.mark.parametrize(
    ("status", "content_type", "error"),
    [
        (400, "application/json", RefusedError),
        (422, "application/json", RefusedError),
        (413, "text/html", RefusedError),
        (400, "text/html", UnreachableError),
        (302, "text/html", UnreachableError),
        (401, "application/json", UnreachableError),
        (404, "text/html", UnreachableError),
        (429, "text/html", UnreachableError),
        (500, "application/json", UnreachableError),
    ],
)
async def test_what_finds_fault_with_an_alert_is_told_from_what_is_to_be_tried_again(
    status: int, content_type: str, error: type[Exception]
) -> None:
    async with (
        serving(answering(status, '"no"', content_type)) as address,
        endpoint(f"http://{address}") as there,
    ):
        with pytest.raises(error):
            await there.post(ALERTS)


@pytest.mark.parametrize("filler", ["", "x" * (SHOWN_CHARS - 12)])
async def test_an_answer_that_repeats_the_login_is_told_without_it(filler: str) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.json_response(filler + request.headers["Authorization"], status=400)

    async with (
        serving(echo) as address,
        endpoint(f"http://{address}", bearer_token="swordfish") as there,
    ):
        with pytest.raises(RefusedError, match="answered 400") as caught:
            await there.post(ALERTS)
    assert "sword" not in str(caught.value)


async def test_trouble_names_the_alertmanager_and_since_when_and_passes() -> None:
    status = 503

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status)

    async with serving(answer) as address, endpoint(f"http://{address}") as there:
        assert there.trouble is None
        with pytest.raises(UnreachableError):
            await there.post(ALERTS)
        assert there.trouble == (
            f"alertmanager http://{address} unreachable since 2025-10-09T08:53:20+00:00: it answered 503"
        )
        status = 200
        await there.post(ALERTS)
        assert there.trouble is None


async def test_nobody_listening_is_out_of_reach() -> None:
    async with serving(answering(200)) as address:
        pass
    async with endpoint(f"http://{address}") as there:
        with pytest.raises(UnreachableError, match="connect"):
            await there.firing()


async def test_a_name_that_no_dns_can_have_is_out_of_reach() -> None:
    async with endpoint(f"http://{'a' * 70}.example") as am:
        with pytest.raises(UnreachableError):
            await am.post(ALERTS)


async def test_one_that_does_not_answer_in_time_is_out_of_reach() -> None:
    answer = asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        await answer.wait()
        return web.Response()

    async with serving(hang) as address, endpoint(f"http://{address}", timeout_s=0.05) as there:
        with pytest.raises(UnreachableError, match=r"no answer within 0\.05 s"):
            await there.post(ALERTS)
        answer.set()


async def test_what_it_shows_as_firing_is_found_by_episode() -> None:
    async def show(request: web.Request) -> web.Response:
        assert request.query["filter"] == 'episode=~".+"'
        shown = [{"labels": {"episode": "e1", "severity": s}, "fingerprint": "0"} for s in ("info", "warning")]
        return web.json_response(shown)

    async with serving(show) as address, endpoint(f"http://{address}") as there:
        assert await there.firing() == {
            "e1": [{"episode": "e1", "severity": "info"}, {"episode": "e1", "severity": "warning"}]
        }


async def test_where_reading_is_not_allowed_nothing_is_shown_and_sending_goes_on() -> None:
    async with serving(answering(403)) as address, endpoint(f"http://{address}") as there:
        assert await there.firing() == {}
        assert there.trouble is None


@pytest.mark.parametrize("text", ["", "[]x", '{"status": "success"}', "[{}]"])
async def test_something_else_under_its_address_is_out_of_reach(text: str) -> None:
    async with serving(answering(200, text)) as address, endpoint(f"http://{address}") as there:
        with pytest.raises(UnreachableError, match="API v2"):
            await there.firing()


# Secrets


async def credentials(base: str, **settings: Any) -> str | None:
    got: list[str | None] = []

    async def take(request: web.Request) -> web.Response:
        got.append(request.headers.get("Authorization"))
        return web.Response()

    async with serving(take) as address, endpoint(base.format(address), **settings) as there:
        await there.post(ALERTS)
        assert "swordfish" not in there.name
    return got[0]


async def test_a_token_goes_into_the_header() -> None:
    assert await credentials("http://{}") is None
    assert await credentials("http://{}", bearer_token="swordfish") == "Bearer swordfish"


async def test_a_password_in_the_address_goes_into_the_header_and_nowhere_else() -> None:
    assert await credentials("http://ann:swordfish@{}") == "Basic YW5uOnN3b3JkZmlzaA=="


async def test_a_token_in_a_file_may_be_renewed(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    got: list[str] = []

    async def take(request: web.Request) -> web.Response:
        got.append(request.headers["Authorization"])
        return web.Response()

    async with serving(take) as address, endpoint(f"http://{address}", bearer_token_file=file) as there:
        await there.post(ALERTS)
        file.write_text("second\n")
        await there.post(ALERTS)
        file.unlink()
        with pytest.raises(UnreachableError, match="bearer_token_file"):
            await there.post(ALERTS)
    assert got == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize(
    ("base", "settings"),
    [
        ("am.example:9093/swordfish", {}),
        ("ftp://ann:swordfish@am.example", {}),
        ("http://ann:swordfish@", {}),
        ("http://ann:swordfish@am.example:port", {}),
        ("http://ann:swordfish@am.example", {"bearer_token": "t"}),
        ("http://am.example", {"bearer_token": "sword\nfish"}),
    ],
)
async def test_a_wrong_address_or_token_is_a_configuration_error_that_tells_no_secret(
    base: str, settings: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match=r"notify\.") as caught:
        async with endpoint(base, **settings):
            pass
    assert "swordfish" not in str(caught.value)


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    told = f"req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {certificate} -days 1 -subj /CN=x"
    subprocess.run(["openssl", *told.split()], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
async def test_a_certificate_that_no_authority_has_signed_is_not_trusted(self_signed: ssl.SSLContext) -> None:
    async with (
        serving(answering(200), tls=self_signed) as address,
        endpoint(f"https://{address}", bearer_token="swordfish") as there,
    ):
        with pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
            await there.post(ALERTS)


@pytest.mark.parametrize("packed", [False, True])
async def test_an_answer_without_end_is_not_kept_but_told_as_trouble(
    packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.alerts.endpoint.MAX_ANSWER_BYTES", 100_000)
    text = "[" + " " * 5_000_000 + "]"

    async def answer(request: web.Request) -> web.Response:
        response = web.Response(text=text, content_type="application/json")
        if packed:
            response.enable_compression(web.ContentCoding.gzip)
        return response

    async with serving(answer) as address, endpoint(f"http://{address}") as one:
        with pytest.raises(UnreachableError, match="more than 100,000 bytes"):
            await one.firing()
        assert "more than 100,000 bytes" in str(one.trouble)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '[{"labels": {}, "x": ' + "[" * 5000 + "]" * 5000 + "}]", '[{"labels": 1}]']
)
async def test_an_answer_that_is_nested_or_of_another_shape_is_told_as_trouble(text: str) -> None:
    async with serving(answering(200, text)) as address, endpoint(f"http://{address}") as one:
        with pytest.raises(UnreachableError, match="not that of API v2"):
            await one.firing()
