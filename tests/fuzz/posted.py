"""The gateway without its server: every event of a body is either in what goes to Kafka or told to be of no use."""

import contextlib

import msgspec

from detector.config import Config, Ingest
from detector.errors import BadInput
from detector.gateway.answers import JSON, PROTOBUF, TOLD
from detector.gateway.taking import FORMATS, Taker
from detector.gateway.unpacking import TooLarge, unpacked
from detector.sources import native
from tests.fuzz.corpus import MARK
from tests.fuzz.tries import Try

MOST_BYTES = 100_000
NOW_S = 1_800_000_100.0
TENANTS = (None, "acme")


def posted() -> Try:
    """Tries an input on each path in turn, as a body of either encoding, with and without a tenant, and packed."""
    config = Config(ingest=Ingest(refuse_past_s=1e9))
    taker, places, count = Taker(config), [*FORMATS], iter(range(1 << 62))
    topics = {config.topics.calls: "calls", config.topics.status: "status"}

    def once(data: bytes) -> bool:
        n = next(count)
        for encoding in ("gzip", "deflate"):
            with contextlib.suppress(TooLarge, ValueError):
                assert len(unpacked(data, encoding, MOST_BYTES)) <= MOST_BYTES
        path, kind, tenant = places[n % len(places)], (JSON, PROTOBUF)[n // 5 % 2], TENANTS[n // 10 % 2]
        taken = taker.take(path, kind, data, [("content-type", kind.encode())], tenant, NOW_S)
        written = 0
        for record in taken.records:
            if record.topic in topics:
                for event in native.decode(record.value or b"", topics[record.topic]):
                    assert not isinstance(event, BadInput), f"ingest refuses {event.field}: {event.detail}"
                    assert tenant is None or event.tenant == tenant
                    written += 1
        assert taken.answer.status == (400 if taken.refused and not written else 200)
        assert MARK not in taken.answer.body.decode(errors="replace"), "an answer that repeats what was sent"
        if taken.answer.type == JSON:
            told = msgspec.json.decode(taken.answer.body)
            assert len(told.get("faults", ())) <= TOLD
            assert "accepted" not in told or told["accepted"] == written
        return written > 0

    return once
