"""Doctor on Alertmanagers: ready, away, of another kind, and what their clock says of ours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from detector.config import Config
from detector.kafka.doctor import Finding, examine
from tests.integration.test_doctor import of
from tests.support.services import free_port


@asynccontextmanager
async def pretended(status: int = 200, body: Any = None, date: str | None = None) -> AsyncIterator[str]:
    """An Alertmanager that answers this; yields its address."""

    async def answer(request: web.Request) -> web.Response:
        headers = {"Date": date} if date else {}
        return web.json_response(body, status=status, headers=headers)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("")).rstrip("/")


async def clinic(url: str) -> list[Finding]:
    """What is found with this Alertmanager and without brokers."""
    kafka = {"bootstrap": f"127.0.0.1:{free_port()}"}
    return await examine(Config.model_validate({"kafka": kafka, "notify": {"alertmanagers": [url]}}))


@pytest.mark.parametrize(
    ("status", "body", "detail", "fix"),
    [
        (401, None, "not ready: it answered 401", "notify.bearer_token"),
        (404, None, "not ready: it answered 404", "what comes before /api/v2"),
        (503, None, "not ready: it answered 503", "log"),
        (200, [], "it does not answer as API v2", "correct notify.alertmanagers"),
    ],
)
async def test_an_alertmanager_that_is_none_or_not_ready_is_wrong(
    status: int, body: Any, detail: str, fix: str
) -> None:
    async with pretended(status, body) as url:
        found = of(await clinic(url), "alertmanager")
    assert (found.ok, found.detail) == (False, detail)
    assert fix in found.fix


async def test_an_alertmanager_that_is_away_is_wrong() -> None:
    found = of(await clinic(f"http://127.0.0.1:{free_port()}"), "alertmanager")
    assert not found.ok
    assert "start it" in found.fix


@pytest.mark.parametrize(
    ("date", "way"), [("Thu, 01 Jan 1970 00:00:00 GMT", "ahead of"), ("Fri, 01 Jan 2100 00:00:00 GMT", "behind")]
)
async def test_a_clock_that_differs_from_the_alertmanagers_is_wrong(date: str, way: str) -> None:
    async with pretended(body={"versionInfo": {"version": "1"}}, date=date) as url:
        findings = await clinic(url)
        found = of(findings, "clock")
        assert not found.ok
        assert f" s {way} that of {url}" in found.detail
        assert "NTP" in found.fix
        assert of(findings, "alertmanager").ok


async def test_a_date_that_is_none_tells_no_time() -> None:
    async with pretended(body={}, date="yesterday") as url:
        findings = await clinic(url)
        assert of(findings, "alertmanager").ok
        assert of(findings, "clock").ok is None
