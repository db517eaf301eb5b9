"""What is remembered of stops: the record that holds, and the newest of episodes that are over."""

import pytest

from detector.stopping import known
from detector.stopping.known import Known
from detector.stopping.record import Stop
from tests.unit.test_stopping import ended, stop


def taking(*stops: Stop) -> Known:
    memory = Known()
    for each in stops:
        memory.take(each)
    return memory


@pytest.mark.parametrize("later", [stop(), stop(attempts=3), ended("refused"), ended("resolved")])
def test_what_comes_after_an_accepted_one_is_contradicted_once(later: Stop) -> None:
    accepted = ended("accepted")
    memory = taking(accepted)
    assert not memory.take(later)
    assert memory["e1"] == accepted
    assert memory.contradicted({"e1"}) == []  # it is being written
    assert memory.contradicted() == [accepted]
    assert memory.contradicted() == []


def test_what_was_said_again_already_is_not_contradicted() -> None:
    memory = taking(ended("accepted"), ended("refused"), ended("accepted"))
    assert memory.contradicted() == []


def test_of_two_that_are_being_asked_neither_is_contradicted() -> None:
    assert taking(stop(attempts=2), stop(attempts=1)).contradicted() == []


def test_the_oldest_of_episodes_that_are_over_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "MAX_REMEMBERED", 8)
    memory = taking(*(ended("accepted", id=f"e{n}") for n in range(14)))
    memory.forget({"e0", "e3"}, 4)
    assert len(memory) == 14  # a quarter more may be there, beside those that are needed
    memory.forget({"e0", "e3"}, 2)
    assert list(memory) == ["e0", "e3", *(f"e{n}" for n in range(6, 14))]


def test_a_start_that_reads_many_takes_time_by_their_number_alone() -> None:
    memory = Known()
    needed = {f"e{n}" for n in range(10_000)}
    looked = 0

    class Needed(set[str]):
        def __contains__(self, id: object) -> bool:
            nonlocal looked
            looked += 1
            return id in needed

    for n in range(60_000):
        memory[f"e{n}"] = stop(id=f"e{n}")
        memory.forget(Needed(), len(needed))
    assert needed <= memory.keys()
    assert len(memory) <= 10_000 + 1.25 * known.MAX_REMEMBERED
    assert looked < 20 * 60_000
