"""The life of an episode: it opens once, is updated as it grows, escalates at once, and resolves."""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from detector import __version__
from detector.config import Config, Episodes
from detector.fairness import giving_way
from detector.model.alert import SEVERITIES, Alert, encode_alert, marked
from detector.rules.finding import Finding, Standing, Who

Key = tuple[str, int]
"""Rule, and key of the lane or subject: at most one episode is open for each."""

LASTS = frozenset({"run_inflation"})
"""Rules whose episodes do not end by quiet, only when the task moves or ends."""
BY_DAY = frozenset(
    {
        "redundant_work",
        "no_task",
        "no_deliverable",
        "concentration",
        "cost_per_outcome",
        "churn",
        "redundant_spend",
        "budget",
    }
)
"""Rules that look back over a day or more: their episodes end after one without news, and no status undoes them."""
BY_MINUTE = frozenset({"spend_spike"})
"""Rules that look at whole minutes: their episodes end with one."""
TASK_MOVED = "the task moved"
"""Why an episode resolved: a strong status of its task."""
_DAY_S = 86_400.0


Draw = Callable[[], dict[str, Any]]


def _nothing() -> dict[str, Any]:
    """Nothing is drawn."""
    return {}


def _never(key: int) -> float:
    """No step waits."""
    return float("inf")


class Purse(NamedTuple):
    """What a subject has spent since its last strong status."""

    calls: int
    tokens: int
    cost_usd: float


class Episode(msgspec.Struct):
    """An open episode: its last record, and what decides when the next is due."""

    rule: str
    key: int
    subject: int
    segment: int
    alert: Alert
    standing: Standing
    last_t: float
    longest_gap_s: float
    told_usd: float
    calls: list[str]
    drawn: dict[str, Any]
    late_s: float = 0.0  # how late the call came that was found last

    def ends_at(self, limits: Episodes) -> float:
        """The event time (s UTC) at which it resolves if nothing more comes."""
        if self.rule in LASTS:
            return float("inf")
        if self.rule in BY_DAY:
            return self.last_t + _DAY_S
        end = self.last_t + max(limits.quiet_s, limits.quiet_gaps * self.longest_gap_s)
        return math.ceil(end / 60.0) * 60.0 if self.rule in BY_MINUTE else end

    def over_at(self, limits: Episodes) -> float:
        """The watermark (s UTC) from which that is certain: what came late may go on as late."""
        return self.ends_at(limits) + self.late_s


class EpisodeBook:
    """Open episodes of one partition. Its alerts depend only on findings and statuses in their order."""

    def __init__(self, config: Config) -> None:
        self._limits, self._digest = config.episodes, config.digest()
        self._runbooks = config.notify.runbook_base.rstrip("/")
        self._open: dict[Key, Episode] = {}
        self._of_subject: dict[int, set[Key]] = {}
        self._next_end = float("inf")
        self.changed: dict[Key, int] = {}  # since the last checkpoint, with their segments

    def __iter__(self) -> Iterator[Episode]:
        return iter(self._open.values())

    def standing(self, rule: str, key: int, t: float) -> Standing | None:
        """Where the open episode stands at `t`; None where there is none, or it had become quiet by then."""
        episode = self._open.get((rule, key))
        if episode is None or t > episode.ends_at(self._limits):
            return None
        return episode.standing

    def keys(self) -> set[int]:
        """Keys of the lanes and subjects that have an open episode."""
        return {key for _, key in self._open}

    def is_open(self, rule: str, key: int) -> bool:
        """Whether an episode is open."""
        return (rule, key) in self._open

    def severity(self, rule: str, key: int) -> str | None:
        """What an open episode has reached; None where there is none."""
        episode = self._open.get((rule, key))
        return None if episode is None else episode.alert.severity

    def found(
        self,
        key: Key,
        place: tuple[int, int],
        ident: Who,
        t: float,
        finding: Finding,
        since_status_s: float | None,
        draw: Draw = _nothing,
        late_s: float = 0.0,
    ) -> list[Alert]:
        """Takes a finding of event time `t` (`place`: subject and segment); the records that are due.

        `draw` gives the evidence that is dear to draw, and is asked only for a record that is due. `late_s`: how late
        the call came that it is about.
        """
        out = []
        episode = self._open.get(key)
        if episode is not None and t > episode.ends_at(self._limits):
            out.append(self._resolve(episode, episode.ends_at(self._limits), "quiet"))
            episode = None
        if episode is None:
            episode = self._begin(key, place, ident, t, finding, since_status_s, draw())
            out.append(episode.alert)
        elif self._grow(episode, t, finding, since_status_s, draw):
            out.append(episode.alert)
        episode.late_s = late_s
        self.changed[key] = episode.segment
        self._next_end = min(self._next_end, episode.over_at(self._limits))
        return out

    def _begin(
        self,
        key: Key,
        place: tuple[int, int],
        ident: Who,
        t: float,
        finding: Finding,
        since_status_s: float | None,
        drawn: dict[str, Any],
    ) -> Episode:
        now = finding.standing
        finding.evidence.update(drawn)
        alert = marked(self._alert(key, ident, t, finding, since_status_s))
        counted = now.calls > 1 or key[0] not in BY_MINUTE  # of a model nobody counts the calls of an hour
        gap_s = (t - finding.begin_t) / max(1, now.calls - 1) if counted else 60.0
        calls = list(finding.evidence["calls"])
        episode = Episode(*key, *place, alert, now, t, gap_s, now.cost_usd, calls, drawn)
        self._put(episode)
        return episode

    def _grow(self, episode: Episode, t: float, finding: Finding, since_status_s: float | None, draw: Draw) -> bool:
        """Brings an episode up to date; whether a record is due: it escalated, or its cost has grown enough."""
        now, old = finding.standing, episode.alert
        t = max(t, episode.last_t)  # a call that is told late does not turn the clock back
        episode.longest_gap_s = max(episode.longest_gap_s, t - episode.last_t)
        episode.last_t, episode.standing = t, now
        episode.calls = self._first_and_newest([*episode.calls, *finding.evidence["calls"]])
        finding.evidence["calls"] = list(episode.calls)
        severity = max(old.severity, finding.severity, key=SEVERITIES.index)
        grown = now.cost_usd > 0 and now.cost_usd >= episode.told_usd * self._limits.update_factor
        due = grown or severity != old.severity
        if due:
            episode.drawn = draw()
        finding.evidence.update(episode.drawn)
        episode.alert = msgspec.structs.replace(
            old,
            state="update",
            severity=severity,
            updated_at=t,
            version=old.version + int(due),
            **_figures(finding, since_status_s),
        )
        if due:
            episode.told_usd = now.cost_usd
            episode.alert = marked(episode.alert)
        return due

    def _first_and_newest(self, calls: list[str]) -> list[str]:
        """Each id once; of many those of the beginning and the newest."""
        calls = list(dict.fromkeys(calls))
        half = self._limits.max_call_ids // 2
        return calls if len(calls) <= 2 * half else [*calls[:half], *calls[-half:]]

    def moved(self, subject: int, t: float, purse: Purse) -> list[Alert]:
        """The task moved by a strong status at `t`: its episodes that began before resolve."""
        return self._end(subject, t, TASK_MOVED, purse, t)

    def forget(self, subject: int, t: float, purse: Purse) -> list[Alert]:
        """The subject was unheard for so long that it ended."""
        return self._end(subject, t, "the task was not heard of any more", purse, float("inf"))

    def _end(self, subject: int, t: float, why: str, purse: Purse, begun_by: float) -> list[Alert]:
        out = []
        for key in sorted(self._of_subject.get(subject, ())):
            episode = self._open[key]
            if episode.standing.begin_t > begun_by or (episode.rule in BY_DAY and begun_by < float("inf")):
                continue
            if episode.rule in LASTS:  # it was told at its thresholds only, and ends with all that it came to
                episode.alert = msgspec.structs.replace(
                    episode.alert, calls=purse.calls, tokens=purse.tokens, cost_usd=_usd(purse.cost_usd)
                )
            ended = episode.ends_at(self._limits)
            if t > ended:
                out.append(self._resolve(episode, ended, "quiet"))
            else:  # a status that comes late cannot end it before its last call
                out.append(self._resolve(episode, max(t, episode.last_t), why))
        return out

    def naming(self, text: str) -> list[Key]:
        """Those that are open whose records hold this text."""
        return sorted((e.rule, e.key) for e in self._open.values() if text.encode() in encode_alert(e.alert))

    def tell_again(self, keys: Iterable[Key]) -> list[Alert]:
        """A further record of each of these, since what the last one says does not hold any more."""
        out = []
        for key in keys:
            episode = self._open[key]
            told = episode.alert
            episode.alert = marked(msgspec.structs.replace(told, state="update", version=told.version + 1))
            self.changed[key] = episode.segment
            out.append(episode.alert)
        return out

    def make_room(self, t: float) -> list[Alert]:
        """Resolves at `t` (s UTC) what is beyond episodes.max_open, of the tenants with most, the mildest first."""
        excess = len(self._open) - self._limits.max_open
        if excess <= 0:
            return []
        rank = SEVERITIES.index
        held = sorted(self._open.values(), key=lambda e: (rank(e.alert.severity), e.last_t, e.rule, e.key))
        gone = [held[place] for place in giving_way([e.alert.tenant for e in held], excess)]
        return [self._resolve(e, max(t, e.last_t), "too many are open") for e in gone]

    def tick(self, watermark: float, waits_since: Callable[[int], float] = _never) -> list[Alert]:
        """Resolves what had become quiet by the watermark (s UTC).

        `waits_since`: for the key of a lane, the time of its step that waits to be judged, infinite where none does.
        Such a step may go on with the episode.
        """
        if watermark <= self._next_end:
            return []
        ends = [
            (e.ends_at(self._limits), e.rule, e.key) for e in self._open.values() if e.over_at(self._limits) < watermark
        ]
        over = sorted(e for e in ends if waits_since(e[2]) > e[0])
        out = [self._resolve(self._open[rule, key], end, "quiet") for end, rule, key in over]
        self._next_end = min((e.over_at(self._limits) for e in self._open.values()), default=float("inf"))
        return out

    def _resolve(self, episode: Episode, t: float, why: str) -> Alert:
        del self._open[episode.rule, episode.key]
        keys = self._of_subject[episode.subject]
        keys.discard((episode.rule, episode.key))
        if not keys:
            del self._of_subject[episode.subject]
        self.changed[episode.rule, episode.key] = episode.segment
        last = episode.alert
        resolved = msgspec.structs.replace(
            last, state="resolved", resolved_at=t, updated_at=t, version=last.version + 1,
            evidence={**last.evidence, "resolved_by": why},
        )  # fmt: skip
        return marked(resolved)

    def _put(self, episode: Episode) -> None:
        key = (episode.rule, episode.key)
        self._open[key] = episode
        self._of_subject.setdefault(episode.subject, set()).add(key)

    def of_segment(self, segment: int) -> list[Episode]:
        """What is open in a segment, in an order of its own: equal books give equal lists."""
        return sorted((e for e in self._open.values() if e.segment == segment), key=lambda e: (e.rule, e.key))

    def changed_of(self, segment: int) -> tuple[list[Episode], list[Key]]:
        """Of what changed in a segment what is open, and what has resolved."""
        keys = sorted(key for key, of in self.changed.items() if of == segment)
        return [self._open[key] for key in keys if key in self._open], [key for key in keys if key not in self._open]

    @property
    def touched(self) -> set[int]:
        """Segments in which something changed since `clean`."""
        return set(self.changed.values())

    def clean(self) -> None:
        """A checkpoint holds everything."""
        self.changed = {}

    def restore(self, episodes: Iterable[Episode]) -> None:
        """Takes back what was open."""
        for episode in episodes:
            episode.alert.evidence.update(episode.drawn)  # the same, and dear: kept once, as before it was written
            self._put(episode)
        self._next_end = min((e.over_at(self._limits) for e in self._open.values()), default=float("inf"))

    def _alert(self, key: Key, ident: Who, t: float, finding: Finding, since_status_s: float | None) -> Alert:
        rule = key[0]
        return Alert(
            # Not by where its rounds began: one that resolves and opens again may begin with the same ones. And not
            # by the time alone: what is told late may bear the same time as what was told before.
            id=_hash(12, rule, ident.tenant, str(key[1]), f"{t:.6f}", str(finding.standing.last_step)),
            rule=rule,
            level=finding.level,
            severity=finding.severity,
            state="open",
            tenant=ident.tenant,
            team=ident.team,
            agent=ident.agent,
            user=ident.user,
            key=ident.key,
            run=ident.run if finding.level == "run" else None,
            task=ident.task,
            model=ident.model,
            opened_at=t,
            updated_at=t,
            group=f"{rule}:{_hash(8, rule, ident.tenant, *finding.group)}",
            runbook_url=f"{self._runbooks}/{rule}.md",
            version=1,
            software=__version__,
            config_digest=self._digest,
            **_figures(finding, since_status_s),
        )


def _figures(finding: Finding, since_status_s: float | None) -> dict[str, Any]:
    """The fields of a record that change as its episode grows."""
    now, usual = finding.standing, finding.usual_usd_per_hour
    return {
        "class_": finding.class_,
        "summary": finding.summary,
        "cost_usd": _usd(now.cost_usd),
        "burn_usd_per_hour": _usd(finding.burn_usd_per_hour),
        "usual_usd_per_hour": None if usual is None else _usd(usual),
        "calls": now.calls,
        "tokens": now.tokens,
        "since_status_change_s": since_status_s,
        "spend_only": finding.spend_only,
        "evidence": finding.evidence,
    }


def _hash(size: int, *parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=size).hexdigest()


def _usd(x: float) -> float:
    """Dollars to a millionth: sums in another order give the same."""
    return round(x, 6)
