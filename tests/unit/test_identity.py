"""Who and where: pseudonyms of people, partitions of tasks and runs, and links that give a run its task."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.enrich.identity import KEPT_S, Identities, hash64, subject_hash
from detector.enrich.pseudonyms import Pseudonyms

T = 1_790_000_000.0

NAMES = (
    "tenant", "team", "user", "agent", "key", "run", "parent_run", "task", "task_type", "model", "provider", "source",
)  # fmt: skip


def who(**told: Any) -> Any:
    return tuple(({"tenant": "acme"} | told).get(name) for name in NAMES)


def identities(**limits: int) -> Identities:
    return Identities(8, Pseudonyms(b"key"), **({"max_links": 100} | limits))


def test_a_pseudonym_is_stable_and_says_nothing() -> None:
    one, again = Pseudonyms(b"key"), Pseudonyms(b"key")
    name = one.of("acme", "ann@example.org")
    assert name is not None
    assert name == again.of("acme", "ann@example.org") == one.of("acme", "ann@example.org")
    assert name.startswith("u-")
    assert len(name) == 14
    assert "ann" not in name


def test_a_pseudonym_differs_by_person_tenant_and_key() -> None:
    names = [
        Pseudonyms(key).of(tenant, user)
        for key in (b"", b"key", b"other", b"k" * 200)
        for tenant in ("acme", "beta")
        for user in ("ann", "bob", "")
    ]
    assert len(set(names)) == len(names)


def test_nobody_stays_nobody_and_plain_names_stay_plain() -> None:
    assert Pseudonyms(b"key").of("acme", None) is None
    assert Pseudonyms(b"key", plain=True).of("acme", "ann") == "ann"


def test_nothing_but_the_pseudonym_tells_of_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pseudonyms, "of", lambda *_: "u-0123456789ab")
    placed = [identities().place(who(user=user, run="r", agent="a"), 0.0) for user in ("ann@example.org", "bob")]
    assert placed[0] == placed[1]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.text(max_size=4)), max_size=4),
    st.lists(st.one_of(st.none(), st.text(max_size=4)), max_size=4),
)
def test_hashes_of_other_parts_differ(one: list[str | None], other: list[str | None]) -> None:
    assert (hash64(*one) == hash64(*other)) == (one == other)


def test_a_subject_is_the_task_else_the_run_within_its_tenant() -> None:
    hashes = {
        subject_hash("acme", "x", None),
        subject_hash("acme", None, "x"),
        subject_hash("beta", "x", None),
        subject_hash("beta", None, "x"),
        subject_hash("acme", "y", "x"),
    }
    assert len(hashes) == 5
    assert subject_hash("acme", "x", "run 1") == subject_hash("acme", "x", "run 2") == subject_hash("acme", "x", None)


def test_all_of_a_task_lies_in_one_partition_and_its_agents_in_lanes_of_their_own() -> None:
    placed = [
        identities().place(who(task="T", run=run, agent=agent, model=model), T)
        for run in ("r1", "r2", None)
        for agent in ("a", "b", None)
        for model in ("m1", "m2")
    ]
    assert len({p.partition for p in placed}) == 1
    assert len({p.ident.subject for p in placed}) == 1
    assert len({p.ident.lane for p in placed}) == 9
    assert len({p.ident.cell for p in placed}) == 6


def test_the_same_names_in_two_tenants_are_two() -> None:
    one, other = (
        identities().place(who(tenant=t, task="T", run="r", agent="a", user="u"), T).ident for t in ("a", "b")
    )
    assert not {one.subject, one.lane, one.cell} & {other.subject, other.lane, other.cell}
    assert one.user != other.user


def test_later_calls_of_a_linked_run_go_to_the_task() -> None:
    ids = identities()
    before = ids.place(who(run="r", agent="a"), T)
    ids.link("acme", "r", "T", T)
    after = ids.place(who(run="r", agent="a"), T)
    assert (before.ident.task, after.ident.task) == (None, "T")
    assert after.ident.subject == ids.place(who(task="T"), T).ident.subject
    assert after.ident.run == "r"


def test_what_happened_before_the_link_stays_with_the_run_whenever_it_comes() -> None:
    ids = identities()
    first = ids.place(who(run="r", agent="a"), T - 60.0)
    ids.link("acme", "r", "T", T)
    assert ids.place(who(run="r", agent="a"), T - 60.0) == first
    assert [ids.place(who(run="r", agent="a"), T + s).ident.task for s in (-0.001, 0.0, 9.0)] == [None, "T", "T"]


def test_a_link_holds_for_its_tenant_and_run_and_a_named_task_wins() -> None:
    ids = identities()
    ids.link("acme", "r", "T", T)
    assert ids.place(who(run="other"), T).ident.task is None
    assert ids.place(who(tenant="beta", run="r"), T).ident.task is None
    assert ids.place(who(run="r", task="mine"), T).ident.task == "mine"


def test_of_two_links_the_later_holds_and_one_can_be_taken_back() -> None:
    ids = identities()
    for task, expected in (("T1", "T1"), ("T2", "T2"), (None, None)):
        ids.link("acme", "r", task, T)
        assert ids.place(who(run="r", agent="a"), T).ident.task == expected
    assert ids.links == 0


def test_a_run_works_on_the_task_of_the_run_above_it_unless_it_has_its_own() -> None:
    ids = identities()
    ids.start("acme", "grandchild", "child", T)
    ids.start("acme", "child", "r", T)
    ids.link("acme", "r", "T", T - 5.0)
    assert ids.place(who(run="grandchild"), T).ident.task == "T"
    assert ids.place(who(run="grandchild"), T - 1.0).ident.task is None
    assert ids.place(who(run="grandchild", task="mine"), T).ident.task == "mine"
    ids.link("acme", "child", "C", T)
    assert ids.place(who(run="grandchild"), T).ident.task == "C"
    assert ids.place(who(tenant="beta", run="grandchild"), T).ident.task is None


def test_the_run_above_is_told_of_earlier_calls_too_and_one_that_is_told_wins() -> None:
    ids = identities()
    ids.start("acme", "child", "r", T)
    assert ids.place(who(run="child"), T - 60.0).ident.parent_run == "r"
    assert ids.place(who(run="child", parent_run="x"), T).ident.parent_run == "x"
    assert ids.place(who(run="child"), T).ident.subject == identities().place(who(run="child"), T).ident.subject


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=30))
def test_runs_that_started_each_other_in_a_circle_do_no_harm(pairs: list[tuple[int, int]]) -> None:
    ids = identities()
    for child, parent in pairs:
        ids.start("acme", f"r{child}", f"r{parent}", T)
    assert [ids.place(who(run=f"r{n}"), T).ident.task for n in range(6)] == [None] * 6


def test_the_run_that_a_known_source_tells_to_be_above_gives_its_task() -> None:
    ids = Identities(8, Pseudonyms(b"key"), 100, meters=("gemini_cli",))
    ids.link("acme", "session", "T", T)
    assert ids.place(who(run="sub", parent_run="session", source="gemini_cli"), T).ident.task == "T"
    assert ids.place(who(run="sub", parent_run="session"), T).ident.task is None


def test_links_are_bounded_and_the_oldest_leave() -> None:
    ids = identities(max_links=3)
    for n in (0, 1, 2, 0, 3):
        ids.link("acme", f"r{n}", f"T{n}", T)
    assert ids.links == 3
    assert [ids.place(who(run=f"r{n}"), T).ident.task for n in range(4)] == ["T0", None, "T2", "T3"]


def test_what_is_remembered_of_who_and_where_is_bounded_and_forgets_nothing_that_counts() -> None:
    ids = identities(limit=10)
    ids.link("acme", "r1", "T", T)
    for n in range(100):
        ids.place(who(run=f"r{n % 30}", model=f"m{n}"), T)
        assert len(ids._kept) <= 10
    assert ids.place(who(run="r1"), T).ident.task == "T"


@pytest.mark.parametrize("partitions", [1, 3, 8, 100])
def test_partitions_are_used_evenly(partitions: int) -> None:
    ids = Identities(partitions, Pseudonyms(b""), 10)
    used = [ids.place(who(run=f"run-{n}"), T).partition for n in range(50 * partitions)]
    counts = [used.count(p) for p in range(partitions)]
    assert sum(counts) == len(used)
    assert min(counts) > 20


def test_an_answer_is_forgotten_once_nobody_has_asked_for_two_hours_and_is_the_same_when_made_anew() -> None:
    known = identities()
    first = known.place(who(run="over"), T)
    stays = known.place(who(run="long"), T)
    for hour in range(1, 4):
        assert known.place(who(run=f"new-{hour}"), T + hour * KEPT_S)
        assert known.place(who(run="long"), T + hour * KEPT_S + 1) is stays
    assert len(known._kept) + len(known._before) == 3
    again = known.place(who(run="over"), T + 4 * KEPT_S)
    assert again == first
    assert again is not first


def test_answers_are_bounded_by_number_within_the_hour() -> None:
    known = Identities(8, Pseudonyms(b"key"), max_links=100, limit=10)
    for n in range(100):
        known.place(who(run=f"r-{n}"), T)
        assert len(known._kept) + len(known._before) <= 10
