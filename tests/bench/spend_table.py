"""How the measure of spend is printed: a block a detector, and the curve of the floor."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from tests.bench.spend_truth import BURNT_HOURS, BURNT_USD, WITHIN_MIN

_NAME = 46


def block(name: str, f: Mapping[str, Any]) -> list[str]:
    """The figures of one detector as lines."""
    head = "".join(f"{n:>5} min" for n in WITHIN_MIN)
    lines = ["", f"{name:<{_NAME}}spikes{head}   10 min of burnt   median min"]
    lines += [_row(size, row) for size, row in f["recall"].items()]
    lines += [
        f"  {'false pages a week per 1,000 agents':<{_NAME}}first week {_rate(f['false_a_week']['first'])}; "
        f"later {_rate(f['false_a_week']['later'])}",
        f"  {'share of productive bursts paged':<{_NAME}}{_share(f['paged']['productive'])}",
        f"  {'pages for each guilty spike that was paged':<{_NAME}}{_number(f['pages_a_paged_spike'], '.2f')}",
        f"  {'pages':<{_NAME}}"
        + ", ".join(f"{n} {'on ' + kind if kind != 'right' else kind}" for kind, n in f["pages"].items()),
    ]
    return lines


def _row(name: str, row: Mapping[str, Any]) -> str:
    within = "".join(f"{_number(x, '.2f'):>9}" for x in row["within_min"].values())
    burnt = row["within_10_min_of_burnt"]
    after = f"{_number(burnt['share'], '.2f'):>9} of {burnt['of']:<6}"
    return f"  {name:<{_NAME - 2}}{row['spikes']:>6}{within}{after}{_number(row['median_min'], '.0f'):>10}".rstrip()


def _number(x: float | None, form: str) -> str:
    return "–" if x is None else format(x, form)


def _share(s: Mapping[str, Any]) -> str:
    return f"{_number(s['share'], '.2f')} of {s['of']}"


def _rate(r: Mapping[str, Any]) -> str:
    if r["rate"] is None:
        return "– (the fleets are over by then)"
    low, high = r["interval"]
    return f"{r['rate']:.1f} ({low:.1f} to {high:.1f}; {r['pages']} pages)"


def curve(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """Recall against false pages by `floor_usd`, a line each."""
    lines = [
        "",
        "What floor_usd buys; it alone is varied",
        "  ten-fold spikes within " + ", ".join(f"{n} min" for n in WITHIN_MIN) + " | those of 1.3 x the floor or more "
        "| false pages a week per 1,000 agents: first week; later",
    ]  # fmt: skip
    for point in points:
        rows = list(point["figures"]["recall"].items())
        ten = next(row for name, row in rows if name == "10-fold")
        large = next(row for name, row in rows if name.startswith("ten-fold"))
        cells = ["  ".join(_number(x, ".2f") for x in row["within_min"].values()) for row in (ten, large)]
        false = point["figures"]["false_a_week"]
        lines.append(
            f"  ${point['floor_usd']:<6g}{cells[0]}  of {ten['spikes']:<5}| {cells[1]}  of {large['spikes']:<5}| "
            f"{_rate(false['first'])}; {_rate(false['later'])}"
        )
    return lines


def notes(thresholds: Mapping[str, float]) -> list[str]:
    """What the columns mean, and what favours whom."""
    chosen = "; ".join(f"{name}: {x:.2f}" for name, x in thresholds.items())
    meant = (
        "recall: share of planted spikes on stuck work with a page of the agent, its task or run within so many "
        "minutes of event time after their start",
        f"10 min of burnt: the clock starts once ${BURNT_USD:g} and {BURNT_HOURS:g} usual hours above usual are burnt; "
        "of the spikes that burn so much",
        "false: on productive bursts, small change and ordinary work; intervals are 95 % Poisson. Pages on background "
        "(unplanted hours that meet the definition) and on untasked spikes are neither right nor false",
        "spend alone: the same thresholds without any status, every run taken for a task",
        "baselines: their thresholds were chosen on these same fleets, in their favour, so that nine of ten ten-fold "
        f"spikes reach them within 60 minutes ({chosen}); they see agents only, never tasks or teams",
    )  # fmt: skip
    return ["", *(line for text in meant for line in textwrap.wrap(text, 118, subsequent_indent="  "))]
