"""Hostile input in CI: thousands of inputs of every target, and what the fuzzer itself must be able to find."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import targets
from tests.fuzz.__main__ import main
from tests.fuzz.ingest import ingest
from tests.fuzz.mutate import Mutator, to_json
from tests.fuzz.run import Fault, run
from tests.fuzz.targets import TARGETS, Target

INPUTS = {"config": 100, "prices": 100, "recorded": 300, "portfolio-state": 150, "watch-state": 200, "rollup": 400}
MOST = 1500


@pytest.mark.parametrize("name", TARGETS)
def test_hostile_input_is_taken_or_refused_and_never_more(name: str) -> None:
    ran = run(name, INPUTS.get(name, MOST), seed=1)
    assert 0 < ran.accepted <= ran.inputs


@pytest.mark.parametrize("name", TARGETS)
def test_what_mutations_begin_with_is_accepted(name: str) -> None:
    once = TARGETS[name].begin()
    assert any(once(data) for data in TARGETS[name].corpus())


def test_equal_seeds_make_equal_inputs() -> None:
    one, same, other = (Mutator(seed, [b"abc" * 20], [{"a": [1, "b"]}], to_json) for seed in (1, 1, 2))
    made = [[m.one() for _ in range(50)] for m in (one, same, other)]
    assert made[0] == made[1] != made[2]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["id", "time", "run", "task", "tenant", "model", "usage", "tools", "output", "error", "status"])
try_ingest = ingest()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(NAMES, JSON, max_size=9) | JSON, max_size=4), st.booleans())
def test_any_json_is_accounted_for_event_by_event(events: list[object], alone: bool) -> None:
    try_ingest(to_json(events[0] if alone and events else events))


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_any_arguments_and_results_are_accounted_for(value: object) -> None:
    tool = {"name": "n", "arguments": value, "result": value}
    try_ingest(to_json({"id": "i", "time": 1.79e9, "run": "r", "model": "m", "usage": {}, "tools": [tool, tool]}))


def _of(once: targets.Try) -> Target:
    return Target("made to fail", lambda: once, lambda: [b"abcdef"])


def _raises(data: bytes) -> bool:
    if len(data) > 6:
        raise KeyError("of its own")
    return True


def test_an_undeclared_error_is_found_and_its_input_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(TARGETS, "made", _of(_raises))
    with pytest.raises(Fault, match=r"made: input \d+ of seed 3, kept as .*: KeyError"):
        run("made", 1000, 3, tmp_path)
    (kept,) = tmp_path.iterdir()
    with pytest.raises(KeyError):
        main(["made", "--again", str(kept)])


def test_memory_out_of_proportion_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = iter((0, 1000, 1000, 200 << 20))
    monkeypatch.setattr("tests.fuzz.run.peak_bytes", lambda: next(peaks))
    monkeypatch.setitem(TARGETS, "made", _of(lambda data: True))
    with pytest.raises(Fault, match=r"input 1 of seed 1.*MemoryError: an input of .* bytes took 209,714,200 bytes"):
        run("made", 3, 1)


def test_a_target_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["nothing"])
    assert ended.value.code == 2
    assert "no target nothing; there are calls, status" in capsys.readouterr().err
