"""The link that `detector link` sends."""

import msgspec

from detector.config import Ingest
from detector.model.events import Link
from detector.model.subject import require_subject
from detector.sources.making import made_id, make


def make_link(
    limits: Ingest,
    now_s: float,
    *,
    run: str,
    task: str | None = None,
    parent_run: str | None = None,
    tenant: str | None = None,
    source: str | None = None,
    time: str | None = None,
    id: str | None = None,
) -> Link:
    """A link at `time` (RFC 3339), else at `now_s` (s UTC). Raises BadInput, with the field, for what ingest refuses.

    Without an `id` it gets one that is made of all else it says. So what is sent again as it is comes under the same
    id, and when a run goes to another task and back, which is at another time, that comes under a new one.
    """
    told = {"id": id, "time": time, "run": run, "task": task, "parent_run": parent_run, "tenant": tenant}
    link = make(Link, limits, now_s, told | {"source": source})
    require_subject(link)
    if id is None:
        parent = () if link.parent_run is None else (link.parent_run,)
        link.id = made_id("link", link.tenant, link.run, link.task, link.source, link.time, *parent)
    return link


def link_key(link: Link) -> bytes:
    """The key of its record: the links of a run stay in the order in which they are sent."""
    return msgspec.json.encode([link.tenant, link.run])
