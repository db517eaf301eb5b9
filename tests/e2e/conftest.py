"""Fixtures of the end-to-end tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.e2e.paging import Paging
from tests.support.alertmanager import Alertmanager
from tests.support.paged import desk


@pytest.fixture
async def paging(alertmanager: Callable[..., Alertmanager], tmp_path: Path) -> AsyncIterator[Paging]:
    """Our configuration in a real Alertmanager, and a desk behind it."""
    async with desk() as there:
        running = await asyncio.to_thread(alertmanager, there.config(tmp_path))
        try:
            yield Paging(running, there, running.log)
        finally:
            running.kill()
