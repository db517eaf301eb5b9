"""What simulated agents do, as pure generators of events: innocent routines and planted runaways."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from detector.demo import words
from detector.demo.desk import Desk, Habits, Lognormal, Says, Told

Routine = Callable[[Desk], Told]
"""One piece of work, from its first call to what became of it."""

CALLS_A_TASK = Lognormal(9, 0.4)
"""So that few tasks need more than twenty calls, as with people."""


class Phase(NamedTuple):
    """From `begins` (s UTC) on an agent does this, with other habits where some are given.

    `stopped`: a person has stopped what it did before, and its task says so: (status, category).
    """

    begins: float
    routine: Routine
    habits: Habits | None = None
    stopped: tuple[str, str] | None = None


def stream(desk: Desk, phases: Sequence[Phase]) -> Told:
    """All that an agent tells, without end, in the order of event time."""
    usual = desk.habits
    for i, phase in enumerate(phases):
        ends = phases[i + 1].begins if i + 1 < len(phases) else float("inf")
        desk.now, desk.habits = max(desk.now, phase.begins), phase.habits or usual
        if phase.stopped is not None:
            to, category = phase.stopped
            yield desk.status("strong", to, category=category, actor="human", source="tracker")
        yield from _until(desk, phase.routine, ends)
        desk.now = ends


def _until(desk: Desk, routine: Routine, ends: float) -> Told:
    while True:
        for sent in routine(desk):
            if sent.time >= ends:
                return
            yield sent


def _calls(desk: Desk) -> int:
    return max(3, round(CALLS_A_TASK.draw(desk.rng)))


def developing(desk: Desk) -> Told:
    """Edits and tests in turn; results differ, some tests fail; a commit, and in the end a merge."""
    rng = desk.rng

    def edit() -> tuple[str, dict[str, object]]:
        what = {"path": words.path(rng), "old": words.lines(rng, 1, 2), "new": words.lines(rng, 1, 3)}
        return words.prose(rng, 50), desk.tool("edit_file", what, f"applied to {what['path']}")

    desk.begin()
    for step in range(_calls(desk)):
        if step % 2 and desk.talks:
            told = desk.tool("run_tests", {"command": f"pytest tests/test_{rng.choice(words.NOUNS)}.py"}, None)
            yield desk.call(_said(words.prose(rng, 40), told))
            yield desk.result(told, words.tests(rng, rng.randint(0, 3)), rng.uniform(3, 12))
        else:
            yield desk.call(edit)
        if step % 5 == 4:
            yield desk.status("weak", "files edited", actor="agent", source="agent")
    yield desk.status("medium", "committed", actor="agent", source="git")
    yield desk.call(lambda: (words.prose(rng, 60), desk.tool("open_pull", {"title": words.sentence(rng)}, "opened")))
    yield desk.status("strong", "merged", category="completed", actor="human", source="github", deliverable=desk.task)


def paging(desk: Desk) -> Told:
    """Pages through one long file: the same tool, other offsets, other results; then a report."""
    rng = desk.rng
    file = words.path(rng)

    def page(first: int) -> tuple[str, dict[str, object]]:
        where = {"path": file, "offset": first, "limit": 40}
        return "Reading on.", desk.tool("read_file", where, words.lines(rng, first, 40))

    desk.begin()
    for first in range(1, 40 * rng.randint(12, 30), 40):
        yield desk.call(partial(page, first))
    yield desk.call(lambda: (words.prose(rng, 150),))
    yield desk.status("strong", "reported", category="completed", actor="human", source="tracker")


def answering(desk: Desk) -> Told:
    """Answers a person turn by turn: the answers are alike, but somebody asks anew each time."""
    rng = desk.rng

    def answer() -> tuple[str, dict[str, object]]:
        text = (
            f"Thank you for your message. I have looked into your account, and {words.clause(rng)}. "
            f"{words.prose(rng, 25)} Is there anything else that I can help you with?"
        )
        return text, desk.tool("search_help", {"query": words.clause(rng)}, words.prose(rng, 50))

    desk.begin()
    for _ in range(rng.randint(2, 9)):
        desk.ask()
        yield desk.call(answer)
    yield desk.status("strong", "resolved", category="completed", actor="human", source="helpdesk")


def classifying(desk: Desk) -> Told:
    """One prompt over many targets: answers of one form, each about another record."""
    rng = desk.rng

    def label() -> tuple[str, dict[str, object]]:
        found = rng.choice(("billing", "delivery", "refund", "outage", "praise"))
        record = f"rec-{rng.getrandbits(32):08x}"
        text = f"The record belongs to the class {found}, since it says that {words.clause(rng)}."
        return text, desk.tool("save_label", {"record": record, "label": found}, f"saved {record}")

    desk.begin()
    for _ in range(rng.randint(10, 30)):
        yield desk.call(label)
    yield desk.status("strong", "labelled", category="completed", actor="system", source="pipeline")


def researching(desk: Desk) -> Told:
    """Searches with other words each time, reads what it found, takes notes, reports."""
    rng = desk.rng

    def look() -> tuple[str, dict[str, object]]:
        if rng.random() < 0.5:
            found = desk.tool("search", {"query": words.clause(rng)}, words.prose(rng, 60))
        else:
            found = desk.tool("open_page", {"url": f"https://docs.example/{words.name(rng)}"}, words.prose(rng, 120))
        return words.prose(rng, 70), found

    desk.begin()
    for _ in range(_calls(desk)):
        yield desk.call(look)
    yield desk.call(lambda: (words.prose(rng, 200),))
    yield desk.status("strong", "reported", category="completed", actor="human", source="tracker")


def reviewing(desk: Desk) -> Told:
    """Reads changes and comments on them; the approval is a medium signal, the merge a strong one."""
    rng = desk.rng

    def comment() -> tuple[str, dict[str, object]]:
        where = {"path": words.path(rng), "line": rng.randint(1, 900), "text": words.sentence(rng)}
        return words.prose(rng, 80), desk.tool("comment", where, f"posted on {where['path']}")

    desk.begin()
    for _ in range(rng.randint(3, 9)):
        yield desk.call(comment)
    yield desk.status("medium", "review approved", actor="human", source="github")
    yield desk.status("strong", "merged", category="completed", actor="human", source="github", deliverable=desk.task)


def long_task(merge_every: int) -> Routine:
    """Works on one task for weeks: each call another patch, a merge after `merge_every` calls; 0: none."""

    def routine(desk: Desk) -> Told:
        rng, task = desk.rng, f"{desk.who.team[:3].upper()}-{desk.who.name}"

        def patch() -> tuple[str, dict[str, object]]:
            what = {"path": words.path(rng), "patch": words.lines(rng, rng.randint(1, 900), 4)}
            return words.prose(rng, 60), desk.tool("apply_patch", what, words.tests(rng, rng.randint(0, 2)))

        for _ in range(max(1, merge_every // RUN_CALLS)):
            desk.begin(task)
            for _ in range(min(RUN_CALLS, merge_every or RUN_CALLS)):
                yield desk.call(patch)
        if merge_every:
            pull = f"pull-{desk.number('pull')}"
            yield desk.status("strong", "merged", category="started", actor="human", source="github", deliverable=pull)

    return routine


RUN_CALLS = 30
"""Calls of one run on a long task."""


def regenerating(desk: Desk) -> Told:
    """Planted: writes one analysis of 300 words again and again, a tenth of its words changed each time."""
    desk.begin()
    text = words.prose(desk.rng, 300)
    while True:
        yield desk.call(_said(text))
        text = words.reworded(desk.rng, text, 0.1)


def repeating(desk: Desk) -> Told:
    """Planted: sends the same edit, refused with the same error each time; only its thought differs."""
    rng, file = desk.rng, "build/settings.py"
    edit = {"path": file, "old": words.lines(rng, 7, 2), "new": words.lines(rng, 7, 3)}
    error = f"the text to replace was not found in {file}"

    desk.begin()
    yield desk.call(_said(words.prose(rng, 60), desk.tool("read_file", {"path": file}, words.lines(rng, 1, 30))))
    while True:
        yield desk.call(_said(words.prose(rng, 45), desk.tool("edit_file", edit, error, error)))


def _said(*what: str | dict[str, object]) -> Says:
    return lambda: what
