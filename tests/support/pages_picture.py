"""`python -m tests.support.pages_picture ADDRESS FOLDER`: pictures of the pages of a running worker, as a demo's.

ADDRESS is that of the overview. Writes overview.png, and incident.png of what is loudest and open, from the top to what
decided. Needs chromium.
"""

import asyncio
import sys
from pathlib import Path

from playwright.async_api import FloatRect

from tests.support.browser import chromium, watched

WIDTH = 1000


async def draw(address: str, folder: Path) -> None:
    """Draws both; fails where something on the pages is wrong, or nothing is open."""
    async with chromium() as browser, watched(browser, address.rstrip("/"), width=WIDTH) as seen:
        page = seen.page
        await seen.open("/")
        await page.screenshot(path=folder / "overview.png", full_page=True)
        await page.locator(".flag a").first.click()
        ends = await page.locator("section", has_text="What it was decided by").last.bounding_box()
        assert ends is not None, "it is not said what decided"
        height = ends["y"] + ends["height"] + 16
        clip = FloatRect(x=0, y=0, width=WIDTH, height=height)
        await page.screenshot(path=folder / "incident.png", full_page=True, clip=clip)
        if seen.wrong:
            raise SystemExit("\n".join(seen.wrong))


if __name__ == "__main__":
    asyncio.run(draw(sys.argv[1], Path(sys.argv[2])))
