"""A person who was forgotten is nowhere any more, and nothing else has changed."""

import json
from collections.abc import Sequence

import cramjam
import msgspec
import pytest

from detector.config import Config
from detector.engine import Engine
from detector.forgetting import NOBODY, forgotten, masked, names, word
from detector.model.alert import Alert, encode_alert
from detector.model.packed import decode_packed
from detector.model.rollup import decode_rollup
from detector.pipeline.intake import Intake, SourceRecord
from detector.pipeline.owned import Owned
from tests.support.judged import Event, call
from tests.support.spread import before_the_end, portfolio_of, rollups
from tests.support.stored import whole

CONFIG = Config()
PERSON, OTHER = "u-0123456789ab", "u-ba9876543210"


def loop(count: int, **who: str) -> list[Event]:
    """An agent that gives the same answer again and again, for a person."""
    return [
        call(60.0 * n, cost_usd=1.0, output={"text": "the very same answer"}, task="T-1", **who) for n in range(count)
    ]


def packed(events: Sequence[Event]) -> list[bytes]:
    intake, out = Intake(CONFIG, 1), []
    for n, event in enumerate(events):
        intake.take(0, "any", [SourceRecord(n, json.dumps(event).encode(), None)])
        out += [value for _, value in intake.flush({0: intake.forwarded(0)}).packed]
    return out


def alerts_with(records: Sequence[bytes]) -> tuple[Engine, list[Alert]]:
    engine, alerts = Engine(CONFIG), list[Alert]()
    for n, record in enumerate(records):
        alerts += engine.process(record, n).alerts
    return engine, alerts


def hidden(alert: Alert) -> bytes:
    """The record without the person, and without its history, which tells that it was told again."""
    return masked(encode_alert(msgspec.structs.replace(alert, history=[])), PERSON)


def test_a_word_is_no_record_and_a_record_is_no_word() -> None:
    assert forgotten(word(PERSON)) == PERSON
    assert forgotten(packed(loop(1))[0]) is None
    for decode in (decode_packed, decode_rollup):
        with pytest.raises(ValueError, match="format 0"):
            decode(word(PERSON))


def test_watch_forgets_and_goes_on_with_its_episodes() -> None:
    records = packed(loop(60, user=PERSON, agent=PERSON, run="r"))
    _, expected = alerts_with(records)
    engine, alerts = alerts_with(records[:30])
    again = {alert.id: alert for alert in engine.process(word(PERSON), 30).alerts}
    newest = {alert.id: alert for alert in alerts}
    assert {(a.user, a.agent, a.state) for a in again.values()} == {(NOBODY, NOBODY, "update")}
    assert {id: a.version for id, a in again.items()} == {id: a.version + 1 for id, a in newest.items()}
    assert engine.forgot
    assert engine.open_episodes
    assert not [n for n, (part,) in whole(engine).items() if names(part, PERSON)]
    for n, record in enumerate(records[30:], 31):
        alerts += engine.process(masked(record, PERSON), n).alerts
    more = {id: a.version for id, a in again.items()}
    after = [msgspec.structs.replace(a, version=a.version - (a.version > more.get(a.id, 999))) for a in alerts]
    assert [hidden(alert) for alert in after] == [hidden(alert) for alert in expected]


def test_others_stay_as_they_are() -> None:
    records = packed(loop(20, user=OTHER))
    engine, _ = alerts_with(records)
    before = whole(engine)
    engine.process(word(PERSON), len(records))
    assert whole(engine) == before


def test_portfolio_forgets_in_accounts_ledger_and_what_waits() -> None:
    events = loop(40, user=PERSON, agent=PERSON) + loop(3, user=OTHER, agent="coder", run="r2")
    told = before_the_end(rollups(sorted(events, key=lambda e: e["time"])))
    portfolio, _ = portfolio_of(told)
    assert PERSON in {who.user for _, who in portfolio.books.whos.beside.items()}
    portfolio.process(word(PERSON), len(told))
    assert not [n for n, (part,) in whole(portfolio).items() if names(part, PERSON)]
    users = {who.user for _, who in portfolio.books.whos.beside.items()}
    assert {NOBODY, OTHER} <= users
    untouched, _ = portfolio_of(told)
    assert portfolio.books.cells.live()["usd"].sum() == untouched.books.cells.live()["usd"].sum()


def test_the_next_checkpoint_is_written_whole_and_the_one_after_it_is_not() -> None:
    records = packed(loop(20, user=PERSON))

    class Maker:
        def make(self, partition: int) -> Engine:
            return Engine(CONFIG, partition)

        def restore(self, *_: object) -> Engine:
            raise AssertionError

    owned = Owned.load(Maker(), "o", "s", 0, 1, {}, None)  # type: ignore[arg-type]
    for n, record in enumerate(records[:10]):
        owned.engine.process(record, n, 0.0)
    owned.finish(owned.plan())
    owned.engine.process(word(PERSON), 10, 0.0)
    plan = owned.plan()
    assert set(plan.whole_bytes) == owned.engine.segments()
    assert not any(names(value, PERSON) for _, value in plan.segments)
    owned.finish(plan)
    owned.engine.process(records[11], 11, 0.0)
    after = owned.plan()
    assert len(after.segments) < len(plan.segments)
    assert {key for key, _ in plan.segments}.isdisjoint(after.tombstones)
    assert after.tombstones  # what named the person


def test_a_segment_that_names_nobody_is_the_same() -> None:
    told = memoryview(cramjam.snappy.compress_raw(msgspec.msgpack.encode([1, OTHER])))
    stored = msgspec.msgpack.encode([1, told, 0])
    assert not names(stored, PERSON)
    assert names(stored, OTHER)
