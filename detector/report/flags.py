"""Episodes as they ended, and how the runs that they flag spent over time."""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Literal

from detector.model.alert import SEVERITIES, Alert, Severity, lasted
from detector.report.bins import Bins
from detector.report.facts import Counted, Flag, Strip
from detector.rules import loop

MOST_EPISODES = 50
"""Episodes of a rule and severity that are told one by one, those that burnt most; others are counted."""
MOST_STRIPS = 10_000
"""Runs and tasks whose calls are kept over time in case they are flagged; the longest unheard leave."""
STRIP_BINS, _WIDEST_S = 192, 300
"""Of a strip: 3 kB, the last 16 hours."""
_BEFORE = 1.5
"""How much is shown before an episode, by how long it lasted."""

StripKey = tuple[Literal["run", "task"], str, str]
"""Which of the two it is, its tenant and its name."""
Kind = tuple[str, Severity]
"""Rule, and the highest severity that an episode reached."""
_BOARD: Severity = "info"


class Strips:
    """Calls over time of the runs and tasks that were heard of last."""

    def __init__(self, most: int = MOST_STRIPS) -> None:
        self._most = most
        self._heard: OrderedDict[StripKey, Bins] = OrderedDict()

    def of(self, key: StripKey) -> Bins:
        """Where its calls are added."""
        bins = self._heard.get(key)
        if bins is None:
            bins = self._heard[key] = Bins(STRIP_BINS, widest_s=_WIDEST_S)
            if len(self._heard) > self._most:
                self._heard.popitem(last=False)
        self._heard.move_to_end(key)
        return bins

    def strip(self, key: StripKey, since: float, until: float) -> Strip | None:
        """What happened from a while before `since` on (s UTC); None where it is forgotten or lies further back."""
        bins = self._heard.get(key)
        if not bins or bins.began_t > until:
            return None
        first = max(bins.first, int((since - _BEFORE * (until - since)) // bins.width_s))
        cut = first - bins.first
        usd, calls = bins.usd[cut:], bins.calls[cut:]
        if not len(usd):
            return None
        return Strip(key[0], first * bins.width_s, bins.width_s, [round(x, 6) for x in usd], list(map(int, calls)))


class Flags:
    """The last record of each episode; those of the board are only counted, but for loops."""

    def __init__(self, strips: Strips, most: int = MOST_EPISODES) -> None:
        self._strips, self._most = strips, most
        self._told: defaultdict[Kind, list[Flag]] = defaultdict(list)
        self._sums: defaultdict[Kind, list[float]] = defaultdict(lambda: [0, 0.0])

    def take(self, alerts: Iterable[Alert]) -> None:
        """Takes records in their order; episodes count as they end, which all do by the end of the input."""
        for alert in alerts:
            if alert.state == "resolved":
                self._end(alert)

    def _end(self, alert: Alert) -> None:
        kind = (alert.rule, alert.severity)
        sums, told = self._sums[kind], self._told[kind]
        sums[0] += 1
        sums[1] += alert.cost_usd
        if alert.severity == _BOARD and alert.rule != loop.NAME:
            return
        told.append(_flag(alert, self._strips))
        if len(told) > 2 * self._most:
            told.sort(key=_dearest)
            del told[self._most :]

    def counted(self) -> list[Counted]:
        """Episodes by rule and severity: the severest first, then those that burnt most."""
        told = [Counted(rule, severity, int(n), usd) for (rule, severity), (n, usd) in self._sums.items()]
        return sorted(told, key=lambda c: (-SEVERITIES.index(c.severity), -c.usd, c.rule))

    def told(self) -> list[Flag]:
        """Pages first, then tickets, then loops that are lines on a board; of each the dearest first."""
        flags = [flag for told in self._told.values() for flag in sorted(told, key=_dearest)[: self._most]]
        return sorted(flags, key=lambda flag: (-SEVERITIES.index(flag.severity), *_dearest(flag)))


def strip_key(alert: Alert) -> StripKey | None:
    """Which strip shows an episode: that of its run, else of its task; None where it is about several of these."""
    if alert.level == "run" and alert.run is not None:
        return "run", alert.tenant, alert.run
    if alert.level in ("run", "task") and alert.task is not None:
        return "task", alert.tenant, alert.task
    return None


def _dearest(flag: Flag) -> tuple[float, float, str]:
    return -flag.usd, flag.opened_at, flag.id


def _flag(alert: Alert, strips: Strips) -> Flag:
    told, key = alert.evidence, strip_key(alert)
    since, ended = lasted(alert)
    return Flag(
        id=alert.id,
        rule=alert.rule,
        class_=alert.class_,
        level=alert.level,
        severity=alert.severity,
        tenant=alert.tenant,
        team=alert.team,
        agent=alert.agent,
        run=alert.run,
        task=alert.task,
        model=alert.model,
        since=since,
        opened_at=alert.opened_at,
        ended_at=ended,
        ended_by=told.get("resolved_by"),
        usd=alert.cost_usd,
        usd_per_hour=alert.burn_usd_per_hour,
        usual_usd_per_hour=alert.usual_usd_per_hour,
        calls=alert.calls,
        tokens=alert.tokens,
        summary=alert.summary,
        what=told.get("what"),
        rounds=told.get("rounds"),
        steps=_steps(told.get("steps", ())),
        strip=strips.strip(key, since, ended) if key is not None else None,
    )


def _steps(steps: Sequence[dict[str, Any]]) -> list[str]:
    """The tools of the newest steps; those that follow each other are told once, with how many they are."""
    runs = [(name, len(list(same))) for name, same in groupby(step["name"] for step in steps) if name]
    return [f"{n} × {name}" if n > 1 else name for name, n in runs]
