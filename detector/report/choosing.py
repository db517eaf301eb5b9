"""Which flags are shown one by one where there is room for few."""

from collections import Counter
from collections.abc import Iterable

from detector.report.facts import Flag
from detector.rules import loop

_OF_A_RULE = 3
"""Tickets of one rule, so that many of one kind do not hide the others."""


def chosen(flags: Iterable[Flag], most: int) -> list[Flag]:
    """Of flags in their order pages as far as there is room, then some tickets of each rule.

    A ticket on what is shown already is left out, but for loops in other runs of it.
    """
    out, tickets, known = list[Flag](), Counter[str](), set[tuple[str, str | None]]()
    for flag in flags:
        whom = flag.tenant, flag.task or flag.run or flag.agent or flag.team or flag.model
        run = flag.tenant, flag.run
        if flag.severity != "critical":
            if tickets[flag.rule] >= _OF_A_RULE or (run if flag.rule == loop.NAME else whom) in known:
                continue
            tickets[flag.rule] += 1
        known |= {whom, run}
        if len(out) < most:
            out.append(flag)
    return out
