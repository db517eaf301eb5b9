"""`budget`: a team or a key has used most of what it may spend this month, or will have spent more by its end."""

from collections.abc import Sequence
from typing import NamedTuple

from detector.clock import clock_time
from detector.model.alert import Level
from detector.rules.finding import Check, Context, Finding, Standing, Verdict, decide, usd

NAME = "budget"

DAY_S = 86_400.0
_EPSILON_USD = 1e-6
"""Sums of dollars in another order differ by less."""


class BudgetFacts(NamedTuple):
    """What a budget has used at `t` (s UTC) of the month from `began_t` to `ends_t`. Billed USD.

    `by_day`: days of the month up to `t`, of which the last may be under way; `before`: the days before the month.
    """

    level: Level
    label: str
    t: float
    began_t: float
    ends_t: float
    limit_usd: float
    by_day: tuple[float, ...]
    before: tuple[float, ...]
    calls: int
    tokens: int

    @property
    def used_usd(self) -> float:
        """So far."""
        return sum(self.by_day)

    @property
    def share(self) -> float:
        """Of the limit."""
        return self.used_usd / self.limit_usd


def forecast(f: BudgetFacts, whole_days: int) -> float | None:
    """What will be used by the month's end; None before so many of its days are over.

    Each day that is left is taken as the mean of those that are over, weekends and other days apart; of a kind of which
    none is over yet, as the mean of that kind in the days before the month. The day under way is at least what it has
    used.
    """
    whole, count = int((f.t - f.began_t) // DAY_S), round((f.ends_t - f.began_t) / DAY_S)
    if whole < whole_days:
        return None
    first = int(f.began_t // DAY_S)
    over, before = f.by_day[:whole], [*f.before, *f.by_day[:whole]]
    means = {}
    for weekend in (False, True):
        mine = [x for n, x in enumerate(over) if is_weekend(first + n) == weekend]
        other = [x for n, x in enumerate(before, first - len(f.before)) if is_weekend(n) == weekend]
        means[weekend] = _mean(mine or other)
    left = [means[is_weekend(first + n)] for n in range(whole, count)]
    today = sum(f.by_day[whole:])
    return sum(over) + (max(today, left[0]) + sum(left[1:]) if left else 0.0)


def is_weekend(day: int) -> bool:
    """Whether a day (since 1970) is a Saturday or a Sunday."""
    return (day + 3) % 7 >= 5


def judge(f: BudgetFacts, context: Context) -> Verdict:
    """Whether the month's budget is nearly used or will not do. Once told, it is told until the month ends."""
    rule = context.rules.budget
    expected = forecast(f, rule.forecast_days)
    near = f.used_usd >= rule.share * f.limit_usd - _EPSILON_USD
    over = expected is not None and expected > f.limit_usd + _EPSILON_USD
    told = "not known yet" if expected is None else usd(expected)
    checks = (
        Check(
            "info", "used, and forecast by the month's end", f"{f.share:.1%}, and {told}",
            f"at least {rule.share:.0%}, or a forecast of more than {usd(f.limit_usd)}, once this month",
            near or over or context.standing is not None,
        ),
        Check("critical", "a budget wakes nobody", "", "never a page", False),
    )  # fmt: skip
    severity, _ = decide(checks)
    if severity is None:
        return Verdict(checks, None)
    now = context.standing or Standing(f.began_t, f.used_usd, f.calls, f.tokens, 0, f.used_usd, f.tokens, f.calls)
    who = f"team {context.ident.team}" if f.level == "team" else f"key {context.ident.key}"
    finding = Finding(
        level=f.level,
        severity=severity,
        class_=None,
        begin_t=now.begin_t,
        standing=now._replace(cost_usd=max(now.cost_usd, f.used_usd), calls=f.calls, tokens=f.tokens),
        burn_usd_per_hour=3600.0 * f.used_usd / max(3600.0, f.t - f.began_t),
        usual_usd_per_hour=None,
        spend_only=True,
        summary=(
            f"{who} has used {usd(f.used_usd)} of the month's {usd(f.limit_usd)} ({f.share:.0%}, budget {f.label}) by "
            f"{clock_time(f.t)}; forecast by the month's end: {told}"
        ),
        group=(f.level, f.label),
        evidence={
            "since": now.begin_t,
            "budget": f.label,
            "used_usd": round(f.used_usd, 6),
            "limit_usd": f.limit_usd,
            "forecast_usd": None if expected is None else round(expected, 6),
            "share": round(f.share, 4),
        },
    )
    return Verdict(checks, finding)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
