"""A real Chromium, driven by playwright, and what happens in it that must not."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page, Request, async_playwright

from tests.support.services import program

SCREENS = Path(__file__).parents[2] / "build" / "screens"


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The browser of the system; the test is skipped, or fails where services are required, where there is none."""
    path = program("chromium", "chromium-browser", "google-chrome", package="chromium")
    of_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=path, args=of_root)
        try:
            yield browser
        finally:
            await browser.close()


class Watched:
    """A page, and everything about it that is wrong: errors, dialogs, what failed to load, what is from elsewhere."""

    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base
        self.wrong: list[str] = []
        page.on("console", lambda told: self.wrong.append(f"console {told.type}: {told.text}"))
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("requestfailed", self._failed)
        page.on("request", lambda request: self._check(request.url))
        page.on("dialog", self._dismiss)

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # given up, as the page was left
            self.wrong.append(f"failed: {request.url} {request.failure}")

    def _check(self, url: str) -> None:
        if urlsplit(url).netloc != urlsplit(self.base).netloc:
            self.wrong.append(f"from elsewhere: {url}")

    async def _dismiss(self, dialog: Any) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    async def open(self, path: str) -> None:
        """Goes there and waits until all is loaded."""
        answer = await self.page.goto(self.base + path, wait_until="load")
        assert answer is not None
        assert answer.status == 200, answer.status

    async def too_wide(self) -> int:
        """By how many pixels the page is wider than its window."""
        wide: int = await self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return max(0, wide)

    async def screenshot(self, name: str) -> None:
        """Keeps what is seen, the whole page."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=SCREENS / f"{name}.png", full_page=True)


@asynccontextmanager
async def watched(
    browser: Browser, base: str, *, scheme: Any = "light", width: int = 1280, bypass_csp: bool = False
) -> AsyncIterator[Watched]:
    """A page in a context of its own, in that colour scheme, so many pixels wide."""
    context = await browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=bypass_csp
    )
    try:
        yield Watched(await context.new_page(), base)
    finally:
        await context.close()
