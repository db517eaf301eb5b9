"""Checkpoints: which one a new owner loads, whatever crashed or froze, and what is removed."""

from collections.abc import Collection

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import StateError
from detector.kafka import checkpoint
from detector.kafka.checkpoint import MOST_PARTS, Key, Ledger, Plan, choose

SEGMENTS = 3
Record = tuple[bytes, bytes | None]


def state(offset: int) -> dict[int, bytes]:
    """Every segment after the packed record at `offset`: segment n changes with every (n + 1)th record."""
    return {n: b"%d@%d" % (n, offset // (n + 1)) for n in range(SEGMENTS)}


def found_in(log: dict[bytes, bytes]) -> tuple[int, dict[int, bytes]] | None:
    """What is restored: changes are taken as all of a segment here, so the last part holds."""
    found = choose(log)
    return None if found is None else (found.offset, {n: parts[-1] for n, parts in found.segments.items()})


def records(plan: Plan) -> list[Record]:
    return [*((key, None) for key in plan.tombstones), *plan.segments, plan.manifest]


def apply(log: dict[bytes, bytes], record: Record) -> None:
    """A compacted topic, as a reader finds it."""
    key, value = record
    if value is None:
        log.pop(key, None)
    else:
        log[key] = value


ALL = range(SEGMENTS)


def write(
    log: dict[bytes, bytes],
    ledger: Ledger,
    offset: int,
    whole: dict[int, bytes],
    changes: dict[int, bytes] | None = None,
    every: Collection[int] = ALL,
) -> Plan:
    plan = ledger.plan(offset, whole, changes or {}, every)
    for record in records(plan):
        apply(log, record)
    ledger.finish(plan)
    return plan


def test_a_checkpoint_is_found_again() -> None:
    log: dict[bytes, bytes] = {}
    write(log, Ledger(4, 1, []), 17, state(17))
    assert found_in(log) == (17, state(17))


def test_segments_that_did_not_change_are_taken_from_earlier_checkpoints() -> None:
    log: dict[bytes, bytes] = {}
    ledger = Ledger(0, 1, [])
    write(log, ledger, 1, {0: b"a", 1: b"b", 2: b"c"})
    write(log, ledger, 2, {1: b"B"})
    write(log, ledger, 3, {})
    assert found_in(log) == (3, {0: b"a", 1: b"B", 2: b"c"})


def test_a_segment_longer_than_a_record_may_be_is_cut_and_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "CHUNK_BYTES", 4)
    log: dict[bytes, bytes] = {}
    ledger = Ledger(0, 1, [])
    write(log, ledger, 1, {0: b"0123456789", 1: b"", 2: b"abcd"})
    assert all(len(value) <= 4 for key, value in log.items() if Key.decode(key).segment is not None)
    assert found_in(log) == (1, {0: b"0123456789", 1: b"", 2: b"abcd"})
    write(log, ledger, 2, {0: b"x"})
    write(log, ledger, 3, {})
    assert [Key.decode(key).segment for key in log].count(0) == 1
    assert found_in(log) == (3, {0: b"x", 1: b"", 2: b"abcd"})


def test_a_segment_that_is_no_more_is_not_loaded_and_its_record_is_removed() -> None:
    log: dict[bytes, bytes] = {}
    ledger = Ledger(0, 1, [])
    write(log, ledger, 1, state(1))
    for offset in (2, 3):
        write(log, ledger, offset, {}, every=[0, 2])
    found = choose(log)
    assert found is not None
    assert set(found.segments) == {0, 2}
    assert 1 not in {Key.decode(key).segment for key in log}


def test_an_owner_cannot_leave_a_segment_to_its_predecessor() -> None:
    log: dict[bytes, bytes] = {}
    write(log, Ledger(0, 1, []), 1, state(1))
    with pytest.raises(ValueError, match=r"\[1, 2\]"):
        Ledger(0, 2, list(log)).plan(2, {0: b"new"}, {1: b"more"}, ALL)


def test_changes_follow_what_was_written_whole_until_it_is_written_whole_again() -> None:
    log: dict[bytes, bytes] = {}
    ledger = Ledger(0, 1, [])
    write(log, ledger, 1, {0: b"a", 1: b"b", 2: b"c"})
    write(log, ledger, 2, {}, {0: b"+1", 1: b"+2"})
    write(log, ledger, 3, {}, {0: b"+3"})
    assert choose(log) == (3, {0: [b"a", b"+1", b"+3"], 1: [b"b", b"+2"], 2: [b"c"]})
    write(log, ledger, 4, {0: b"A"}, {2: b"+4"})
    write(log, ledger, 5, {}, {0: b"+5"})
    assert choose(log) == (5, {0: [b"A", b"+5"], 1: [b"b", b"+2"], 2: [b"c", b"+4"]})
    assert len(log) == 7


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(0, 400), min_size=4, max_size=4), min_size=1, max_size=120))
def test_a_checkpoint_costs_about_twice_what_changed_and_recovery_twice_the_state(told: list[list[int]]) -> None:
    log: dict[bytes, bytes] = {}
    ledger, whole = Ledger(0, 1, []), {n: bytes(1000) for n in range(4)}
    write(log, ledger, 0, whole, every=range(4))
    changed = spent = 0
    for offset, sizes in enumerate(told, 1):
        again = ledger.due()
        changes = {n: bytes(size) for n, size in enumerate(sizes) if size and n not in again}
        plan = write(log, ledger, offset, {n: whole[n] for n in again}, changes, range(4))
        changed += sum(map(len, changes.values()))
        spent += sum(len(value) for _, value in plan.segments)
        assert spent <= 2 * changed + 4000 * offset / MOST_PARTS + 4000
        assert max(map(len, plan.named.values())) <= MOST_PARTS
        assert sum(len(v) for parts in (choose(log) or (0, {}))[1].values() for v in parts) <= 4000 + 4000 + 1600


def test_a_segment_that_grew_beyond_all_others_is_written_whole_again() -> None:
    log: dict[bytes, bytes] = {}
    ledger = Ledger(0, 1, [])
    write(log, ledger, 0, dict.fromkeys(ALL, b"small"))
    for offset in range(1, 10):
        write(log, ledger, offset, {}, {1: bytes(10_000)})
    assert ledger.due() == {1}


def test_the_highest_offset_wins_and_an_incomplete_one_is_passed_over() -> None:
    log: dict[bytes, bytes] = {}
    write(log, Ledger(0, 1, []), 10, state(10))
    write(log, Ledger(0, 2, []), 30, state(30))
    write(log, Ledger(0, 3, []), 20, state(20))
    assert found_in(log) == (30, state(30))
    del log[Key(0, 1, 2, 0, 0).encode()]
    assert found_in(log) == (20, state(20))


def test_without_any_complete_checkpoint_there_is_none() -> None:
    log: dict[bytes, bytes] = {}
    assert choose(log) is None
    plan = Ledger(0, 1, []).plan(5, state(5), {}, ALL)
    for record in records(plan)[:-1]:
        apply(log, record)
    assert choose(log) is None


def test_what_was_replaced_is_removed_with_the_next_checkpoint_and_no_more() -> None:
    log: dict[bytes, bytes] = {}
    old = Ledger(0, 1, [])
    write(log, old, 1, state(1))
    ledger = Ledger(0, 2, list(log))
    assert ledger.plan(1, state(1), {}, ALL).tombstones == []  # nothing of its own is finished yet
    write(log, ledger, 2, state(2))
    write(log, ledger, 3, {0: b"new"})
    write(log, ledger, 4, {})
    assert {Key.decode(key).generation for key in log} == {2}
    assert len(log) == SEGMENTS + 1


def test_the_last_record_of_a_checkpoint_is_alive() -> None:
    log: dict[bytes, bytes] = {}
    ledger = Ledger(0, 1, [])
    for offset in range(4):
        plan = ledger.plan(offset, state(offset), {}, ALL)
        assert records(plan)[-1][1] is not None
        ledger.finish(plan)
        log.update([plan.manifest])
    assert len(log) == 1  # one manifest an owner


def test_keys_of_a_younger_generation_are_left_alone() -> None:
    log: dict[bytes, bytes] = {}
    write(log, Ledger(0, 9, []), 5, state(5))
    stale = Ledger(0, 8, list(log))
    write(log, stale, 4, state(4))
    write(log, stale, 4, {})
    assert found_in(log) == (5, state(5))


def test_an_owner_that_takes_over_in_the_same_generation_overwrites_no_key() -> None:
    log: dict[bytes, bytes] = {}
    write(log, Ledger(0, 1, []), 1, state(1))
    again = Ledger(0, 1, list(log)).plan(2, state(2), {}, ALL)
    assert not {key for key, _ in again.segments} & set(log)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b'{"format": 3, "offset": 1, "pieces": []}', "has format 3, this version reads 2: run the newer version"),
        (b'{"format": 1, "offset": 9, "segments": {"0": ["0:0:3:0:0"]}}', "has format 1.*run the older version"),
        (b'{"format": 2, "offset": "x", "segments": {}}', "damaged"),
        (b"\xff", "damaged"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_an_error(value: bytes, says: str) -> None:
    with pytest.raises(StateError, match=says):
        choose({Key(3, None, 7).encode(): value})


@pytest.mark.parametrize("key", [b"", b"x", b"1:2:3", b"1:manifest:x", b"1:2:3:4:5:6"])
def test_a_foreign_key_is_an_error(key: bytes) -> None:
    with pytest.raises(StateError, match="foreign"):
        choose({key: b""})


def test_a_manifest_is_readable_json() -> None:
    _, value = Ledger(0, 3, []).plan(9, {0: b"a"}, {}, [0]).manifest
    assert msgspec.json.decode(value) == {"format": 2, "offset": 9, "segments": {"0": [[0, 1]]}}


class Owner:
    """One owner of the partition, whose records reach the topic in order, but as late as the test wants."""

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.ledger: Ledger | None = None
        self.plan: Plan | None = None
        self.sent: list[Record] = []
        self.acknowledged = -1

    def load(self, log: dict[bytes, bytes]) -> Ledger:
        found = found_in(log)
        self.offset = found[0] if found else -1
        return Ledger(0, self.generation, list(log))

    def work(self, n: int, log: dict[bytes, bytes]) -> None:
        """Processes n records and begins a checkpoint, if the one before is finished."""
        self.ledger = self.ledger or self.load(log)
        if self.plan is None:
            before = state(self.offset)
            self.offset += n
            now = state(self.offset)
            whole = set(ALL) if self.ledger.empty else self.ledger.due()
            changes = {s: b for s, b in now.items() if b != before[s] and s not in whole}
            self.plan = self.ledger.plan(self.offset, {s: now[s] for s in whole}, changes, ALL)
            self.sent = records(self.plan)

    def land(self, n: int, log: dict[bytes, bytes], youngest: bool) -> None:
        """The next n records reach the topic; the source is acknowledged once all have.

        Not by an owner of yesterday: the group refuses what a generation that is over commits.
        """
        for record in self.sent[:n]:
            apply(log, record)
        del self.sent[:n]
        if self.ledger and self.plan and not self.sent:
            self.ledger.finish(self.plan)
            self.plan = None
            if youngest:
                self.acknowledged = self.offset


# who does it (0: the youngest owner), what, how much; who is not mentioned again has crashed
Move = tuple[int, str, int]
MOVES = st.tuples(st.integers(0, 3), st.sampled_from(["work", "land", "take over"]), st.integers(1, 6))


@settings(max_examples=300, deadline=None)
@given(st.lists(MOVES, max_size=60))
def test_nothing_acknowledged_is_lost_whoever_crashes_freezes_or_wakes(moves: list[Move]) -> None:
    log: dict[bytes, bytes] = {}
    owners = [Owner(1)]
    for who, what, n in moves:
        owner = owners[-1 - who % len(owners)]
        if what == "take over":
            owners.append(Owner(len(owners) + 1))
        elif what == "work":
            owner.work(n, log)
        else:
            owner.land(n, log, owner is owners[-1])
        found = found_in(log)
        assert (found[0] if found else -1) >= max(o.acknowledged for o in owners)
        if found:
            assert found[1] == state(found[0])
