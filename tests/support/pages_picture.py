"""`python -m tests.support.pages_picture ADDRESS FOLDER`: pictures of the pages of a running worker, as a demo's.

ADDRESS is that of the overview. Writes overview.png, and incident.png of what is loudest and open. Needs chromium.
"""

import asyncio
import sys
from pathlib import Path

from tests.support.browser import chromium, watched

WIDTH = 1100


async def draw(address: str, folder: Path) -> None:
    """Draws both; fails where something on the pages is wrong, or nothing is open."""
    async with chromium() as browser, watched(browser, address.rstrip("/"), width=WIDTH) as seen:
        await seen.open("/")
        await seen.page.screenshot(path=folder / "overview.png", full_page=True)
        await seen.page.locator(".flag a").first.click()
        await seen.page.screenshot(path=folder / "incident.png", full_page=True)
        if seen.wrong:
            raise SystemExit("\n".join(seen.wrong))


if __name__ == "__main__":
    asyncio.run(draw(sys.argv[1], Path(sys.argv[2])))
