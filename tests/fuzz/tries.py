"""How inputs are tried: each function here takes bytes and says whether they were accepted.

It raises for a fault only: each declared refusal is caught here, by name.
"""

import atexit
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import msgspec

from detector.alerts.alertmanager import notice_of
from detector.alerts.onward import Onward
from detector.config import Config, Ingest
from detector.config.price_list import read_price_list
from detector.engine import Engine
from detector.enrich.own_prices import OwnPrices
from detector.enrich.sketch import parse_sketch
from detector.errors import BadInput, DetectorError, StateError
from detector.kafka.checkpoint import choose
from detector.model.alert import decode_alert
from detector.model.events import Event
from detector.pipeline.intake import Intake
from detector.portfolio import Portfolio
from detector.sources import native
from detector.sources.linking import make_link
from detector.state.stored import open_stored, store
from detector.state.whole import Whole
from detector.stopping.record import decode_stop, request_of, told
from detector.webhooks import Refused
from tests.fuzz import corpus
from tests.fuzz.mutate import to_msgpack
from tests.support import hooks
from tests.support.stored import Parts

Try = Callable[[bytes], bool]
READ_ERRORS = (msgspec.MsgspecError, ValueError)
"""How packed records, rollups and baselines may be refused."""
RENEWED = 200
"""An engine is made anew after so many inputs: what one leaves behind must not decide about those after."""


def events(topic: str) -> Callable[[], Try]:
    def once(data: bytes) -> bool:
        found = native.decode(data, topic)
        assert found or data.strip() == b"[]" or data.lstrip()[:1] == b"[", "a record that is told neither way"
        for event in found:
            if isinstance(event, BadInput):
                assert corpus.MARK not in event.field + event.detail, "a reason that repeats what was sent"
                assert len(event.field) + len(event.detail) < 500, "a reason as long as the event"
            else:
                assert isinstance(event, Event)
        return any(not isinstance(event, BadInput) for event in found)

    return lambda: once


def processed(made: type[Engine] | type[Portfolio], reads: Callable[[bytes], Any]) -> Callable[[], Try]:
    """What can be read is processed, and must be taken."""

    def begin() -> Try:
        config = Config()
        held: list[Any] = []

        def once(data: bytes) -> bool:
            try:
                reads(data)
            except READ_ERRORS:
                return False
            if not held or held[0].offset >= RENEWED:
                held[:] = [made(config)]
            held[0].process(data, held[0].offset + 1, 0.0)
            return True

        return once

    return begin


def baselines() -> Try:
    whole = Whole()

    def once(data: bytes) -> bool:
        try:
            whole.learn(data)
        except READ_ERRORS:
            return False
        return True

    return once


_ONWARD = Onward("https://pages.example", "https://boards.example", "https://alerts.example", "stop {agent} {key_json}")


def alert(data: bytes) -> bool:
    try:
        notice = notice_of(decode_alert(data), 1_795_165_200.0, _ONWARD)
    except msgspec.MsgspecError:
        return False
    msgspec.json.encode((notice.labels, notice.annotations))
    return True


def stop(data: bytes) -> bool:
    try:
        read = decode_stop(data)
        json.loads(request_of(read))
        told(read)
    except msgspec.MsgspecError:
        return False
    return True


def changelog(data: bytes) -> bool:
    try:
        records = msgspec.msgpack.decode(data, type=list[tuple[bytes, bytes]])
    except READ_ERRORS:
        return False
    try:
        return choose(dict(records)) is not None
    except StateError:
        return False


def restored(of: type[Engine] | type[Portfolio], segments: Callable[[], Parts]) -> Callable[[], Try]:
    """One part of a segment is the input, the others are as they were; the input's last byte says which."""

    def begin() -> Try:
        written, config = segments(), Config()
        places = places_of(written)

        def once(data: bytes) -> bool:
            n, k = places[data[-1] % len(places)] if data else places[0]
            parts = [*written[n][:k], data[:-1], *written[n][k + 1 :]]
            try:
                of.restore(config, 0, 0, {**written, n: parts})
            except StateError:
                return False
            return True

        return once

    return begin


def places_of(segments: Parts) -> list[tuple[int, int]]:
    """Segment and part, for all that is not large."""
    return [(n, k) for n in sorted(segments) for k, raw in enumerate(segments[n]) if len(raw) < 60_000]


def numbered(segments: Parts) -> list[bytes]:
    return [segments[n][k] + bytes([i]) for i, (n, k) in enumerate(places_of(segments))]


def kept_in(segments: Parts, version: int) -> list[Any]:
    """What parts of segments hold, and which they are."""
    return [[open_stored(segments[n][k], version, Any), i] for i, (n, k) in enumerate(places_of(segments))]


def sealed(version: int) -> Callable[[Any], bytes]:
    """Writes such a pair with a checksum that is right, so that more than the checksum is tried."""

    def encode(tree: Any) -> bytes:
        kept, n = tree if isinstance(tree, list) and len(tree) == 2 else (tree, 1)
        return store(version, msgspec.msgpack.decode(to_msgpack(kept))) + bytes(
            [n if isinstance(n, int) and 0 <= n < 256 else 1]
        )

    return encode


def file(use: Callable[[Path], Any], errors: type[DetectorError]) -> Callable[[], Try]:
    def begin() -> Try:
        kept = mkdtemp(prefix="detector-fuzz-")
        atexit.register(shutil.rmtree, kept)
        path = Path(kept) / "input"

        def once(data: bytes) -> bool:
            path.write_bytes(data)
            try:
                use(path)
            except errors:
                return False
            return True

        return once

    return begin


def prices(path: Path) -> None:
    from datetime import date

    own = OwnPrices(read_price_list(path), path)
    own.price("anthropic/claude-sonnet-4-5", "bedrock", "default", date(2026, 12, 1), "standard")


def answers(read_answer: Callable[[bytes], Any]) -> Callable[[], Try]:
    def once(data: bytes) -> bool:
        try:
            read_answer(data)
        except msgspec.MsgspecError:
            return False
        return True

    return lambda: once


def sketch(data: bytes) -> bool:
    try:
        level, bitmap = parse_sketch(data.decode("utf-8", "replace"))
    except ValueError:
        return False
    assert level <= 15
    assert len(bitmap) == 128
    return True


def links(data: bytes) -> bool:
    """What somebody types behind `detector link`: fields apart by line ends."""
    told = [part.decode("utf-8", "surrogateescape") for part in data.split(b"\n")]
    run, task, *more = [*told, "", ""][:5]
    names = dict(zip(("tenant", "time", "id"), more, strict=False))
    try:
        make_link(Ingest(), 1_795_165_200.0, run=run, task=task, **names)
    except BadInput:
        return False
    return True


def webhooks() -> Try:
    """Each body as a delivery of every kind that is read."""
    receiver, kinds = hooks.receiver(), sorted({(sent.provider, sent.event) for sent in hooks.SENT})

    def once(data: bytes) -> bool:
        taken = False
        for provider, event in kinds:
            try:
                told = receiver.receive(provider, hooks.signed(provider, data, event), data, hooks.NOW).events
            except Refused:
                continue
            for one in told:
                if isinstance(one, BadInput):
                    assert corpus.MARK not in one.field + one.detail, "a reason that repeats what was sent"
                else:
                    assert native.decode(native.encode(one), "status") == [one], "an event that ingest would not take"
                    taken = True
        return taken

    return once


def link_records() -> Try:
    intake = Intake(Config(), 4)

    def once(data: bytes) -> bool:
        bad = intake.counts["bad_links"]
        intake.learn_link(b"", data)
        return intake.counts["bad_links"] == bad

    return once
