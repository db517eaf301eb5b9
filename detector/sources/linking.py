"""The link that `detector link` sends: made, and checked as ingest will check it."""

from datetime import UTC, datetime
from hashlib import blake2b

import msgspec

from detector.config import Ingest
from detector.errors import BadInput, Reason
from detector.model.events import Link
from detector.sources import native
from detector.sources.times import seconds, taken_at

ID_BYTES = 8
"""As much of an id as watch remembers; more would tell no more links apart."""


def make_link(
    limits: Ingest,
    now_s: float,
    *,
    run: str,
    task: str,
    tenant: str | None = None,
    source: str | None = None,
    time: str | None = None,
    id: str | None = None,
) -> Link:
    """A link at `time` (RFC 3339), else at `now_s` (s UTC). Raises BadInput, with the field, for what ingest refuses.

    Without an `id` it gets one that is made of all else it says. So what is sent again as it is comes under the same
    id, and when a run goes to another task and back, which is at another time, that comes under a new one.
    """
    now = datetime.fromtimestamp(round(now_s, 3), UTC).isoformat()
    told = {"id": id, "time": time, "run": run, "task": task, "tenant": tenant, "source": source}
    fields = {"type": "link", "id": "to be made", "time": now}
    fields |= {name: _unicode(name, text) for name, text in told.items() if text is not None}
    (link,) = native.decode(msgspec.json.encode(fields), "status")
    if isinstance(link, BadInput):
        raise link
    assert isinstance(link, Link)
    t = seconds(link.time)
    taken_at(t, now_s, limits)
    # In one form, whichever it was told in: the same link has the same id.
    link.time = datetime.fromtimestamp(t, UTC)
    link.tenant = link.tenant or "default"
    if id is None:
        link.id = _id(link)
    return link


def encode_link(link: Link) -> bytes:
    """The value of its record."""
    fields = msgspec.structs.asdict(link)
    return msgspec.json.encode({name: value for name, value in fields.items() if value is not None})


def link_key(link: Link) -> bytes:
    """The key of its record: the links of a run stay in the order in which they are sent."""
    return msgspec.json.encode([link.tenant, link.run])


def _id(link: Link) -> str:
    said = msgspec.json.encode([link.tenant, link.run, link.task, link.source, link.time])
    return f"link-{blake2b(said, digest_size=ID_BYTES).hexdigest()}"


def _unicode(name: str, text: str) -> str:
    """The text; raises BadInput where it is an argument of this process that is not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadInput(Reason.NOT_UTF8, name, "is not UTF-8") from None
    return text
