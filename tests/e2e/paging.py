"""A stage for tests of what arrives: our Alertmanager configuration, and a desk behind it."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from detector.alerts.alertmanager import Posted, ended, firing, notice_of
from detector.alerts.onward import Onward
from detector.model.alert import Alert
from tests.e2e.pager import until
from tests.support.alertmanager import Alertmanager
from tests.support.paged import Desk
from tests.unit.alert_records import alert

COMMAND = 'curl -fsS "$LITELLM_URL/key/block" -H "Authorization: Bearer $LITELLM_MASTER_KEY" -d {key_json}'
ONWARD = Onward("https://pages.example", "https://boards.example", "https://alerts.example", COMMAND)
LIVES_S = 60.0
SEEN_S = 3.0
"""After what is waited for, several group intervals in which nothing more may come."""


class Paging:
    """What is told to a real Alertmanager, and the desk where it arrives; `log` is Alertmanager's."""

    def __init__(self, there: Alertmanager, desk: Desk, log: Path) -> None:
        self.there, self.desk, self.log = there, desk, log

    async def tell(self, *alerts: Alert) -> None:
        """As notify does of the newest records."""
        now = time.time()
        notices = [notice_of(each, now, ONWARD) for each in alerts]
        await self.post([firing(n, now, LIVES_S) if n.firing else ended(n, n.labels, now) for n in notices])

    async def tell_escalated(self, before: Alert, after: Alert) -> None:
        """As notify does of a record whose severity is another one than before."""
        now = time.time()
        notice = notice_of(after, now, ONWARD)
        await self.post([firing(notice, now, LIVES_S), ended(notice, notice_of(before, now).labels, now)])

    async def post(self, posted: Sequence[Posted]) -> None:
        """Sends these as they are."""
        async with aiohttp.ClientSession() as session:
            body = msgspec.json.encode(posted)
            async with session.post(f"{self.there.url}/api/v2/alerts", data=body, headers=JSON) as response:
                assert response.status == 200, await response.text()

    async def settled(self) -> None:
        """Returns when all that may come has come."""
        await until(lambda: bool(self.there.alerts()))
        await asyncio.sleep(SEEN_S)


JSON = {"Content-Type": "application/json"}


def recent(**fields: Any) -> Alert:
    """An alert of the tenant acme that opened a minute ago, with `fields` on top."""
    now = time.time()
    told = {"opened_at": now - 60, "updated_at": now - 5, "key": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05"}
    return alert(**{**told, **fields})
