"""The demo's own pages in a real browser: whoever opens them sees which agent runs away, and what it costs."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from detector.demo.cast import FIXER
from tests.e2e.test_demo import DEMO
from tests.support import axe
from tests.support.browser import chromium, watched

PRESENT_S = 180.0
"""By then the demo has met the present on the slowest machine; it takes 50 s on a quiet one."""
LATER_S = 30.0


@asynccontextmanager
async def demo() -> AsyncIterator[str]:
    """The address of a demo that has met the present: one of its agents runs away."""
    process = await asyncio.create_subprocess_exec(
        *DEMO,
        "--seconds=600",
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "DETECTOR_WEB__PORT": "0", "DETECTOR_GATEWAY__PORT": "0"},
    )
    assert process.stdout is not None
    try:
        lines = [line := (await process.stdout.readline()).decode()]
        async with asyncio.timeout(PRESENT_S):
            while line and "at the pace of the clock" not in line:
                lines.append(line := (await process.stdout.readline()).decode())
        address = re.search(r"http://127\.0\.0\.1:\d+", lines[0])
        assert address is not None, lines
        reading = asyncio.create_task(process.stdout.read())
        yield address[0]
        process.send_signal(signal.SIGTERM)
        await reading
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.kafka
@pytest.mark.services
async def test_the_overview_says_who_runs_away_and_what_it_costs_and_leads_to_the_evidence() -> None:
    async with chromium() as browser, demo() as base, watched(browser, base, bypass_csp=True) as seen:
        page = seen.page
        async with asyncio.timeout(LATER_S):
            await seen.open("/")
            while not await page.locator(".flag.page").count():
                await seen.open("/")
        headline = await page.locator("h1").inner_text()
        assert re.fullmatch(r"The fleet burns \$[\d,.]+ an hour; \$[\d,.]+ of it is flagged", headline)
        first = page.locator(".flag.page").first
        told = await first.inner_text()
        assert FIXER.name in told
        assert re.search(r"\$[\d.]+\s+\$[\d.]+ an hour", told)
        assert await axe.violations(page) == []
        await seen.screenshot("demo-overview")

        await first.locator("a").first.click()
        assert f"{FIXER.name} repeats edit_file with the same failure" in await page.locator("h1").inner_text()
        assert await page.get_by_role("heading", name="The steps that repeat").is_visible()
        assert await page.get_by_role("heading", name="Over time").is_visible()
        assert await axe.violations(page) == []
        await seen.screenshot("demo-incident")
        assert seen.wrong == []
