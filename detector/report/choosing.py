"""Which flags are shown one by one where there is room for few."""

from collections import Counter
from collections.abc import Iterable

from detector.model.alert import Severity
from detector.report.facts import Flag
from detector.rules import loop

_OF_A_RULE = 3
"""Of one rule and severity, so that many of one kind do not hide the others."""


def chosen(flags: Iterable[Flag], most: int) -> list[Flag]:
    """Of flags in their order pages as far as there is room, then of each rule some tickets, then some other loops.

    What is no page and on what is shown already is left out, but for loops in other runs of it.
    """
    out, few, known = list[Flag](), Counter[tuple[str, Severity]](), set[tuple[str, str | None]]()
    for flag in flags:
        whom = flag.tenant, flag.task or flag.run or flag.agent or flag.team or flag.model
        run, kind = (flag.tenant, flag.run), (flag.rule, flag.severity)
        if flag.severity != "critical":
            if few[kind] >= _OF_A_RULE or (run if flag.rule == loop.NAME else whom) in known:
                continue
            few[kind] += 1
        known |= {whom, run}
        if len(out) < most:
            out.append(flag)
    return out
