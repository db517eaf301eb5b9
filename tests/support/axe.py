"""axe-core from its npm package: fetched once, kept under build/, and what it says of a page."""

import shutil
import subprocess
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.support.services import program, unavailable

VERSION = "4.11.0"
_KEPT = Path(__file__).parents[2] / "build" / "axe"
_FETCH_S = 120


@cache
def script() -> str:
    """The source of axe-core; the test is skipped, or fails where services are required, where it is not to be had."""
    kept = _KEPT / f"axe-{VERSION}.min.js"
    if not kept.exists():
        _fetch(kept)
    return kept.read_text(encoding="utf-8")


def _fetch(kept: Path) -> None:
    npm = program("npm", package="npm")
    into = _KEPT / f"of-{VERSION}"
    into.mkdir(parents=True, exist_ok=True)
    try:
        command = [npm, "pack", "--silent", f"axe-core@{VERSION}"]
        done = subprocess.run(command, cwd=into, capture_output=True, timeout=_FETCH_S, check=False)
    except subprocess.TimeoutExpired:
        unavailable(f"npm did not fetch axe-core {VERSION} within {_FETCH_S} s")
    if done.returncode:
        unavailable(f"npm cannot fetch axe-core {VERSION}: {done.stderr.decode(errors='replace')[-300:]}")
    with tarfile.open(into / f"axe-core-{VERSION}.tgz") as packed:
        member = packed.extractfile("package/axe.min.js")
        assert member is not None
        new = into / "axe.min.js"
        new.write_bytes(member.read())
    new.replace(kept)
    shutil.rmtree(into, ignore_errors=True)


async def violations(page: Page) -> list[str]:
    """What axe finds wrong, a line for each rule and element; the page's context has to bypass its policy."""
    await page.evaluate(script())
    found: dict[str, Any] = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']} ({rule['impact']}): {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
