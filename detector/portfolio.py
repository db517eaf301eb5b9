"""What is asked of tasks, agents, teams and models in dollars: rollups of a partition in, alert records out.

As the engine of watch, what comes out is a function of the sequence of rollups alone. A minute is judged once every
source partition has told it, or was silent for `time.hold_back_s`; what is told later counts in the minute then.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from detector.accounts.booking import book
from detector.accounts.moves import link, moved
from detector.accounts.rows import MINUTES, VERSION
from detector.accounts.tables import Accounts, key_of_team, within
from detector.accounts.telling import tell
from detector.accounts.usual import look_at_peers
from detector.alerts.episodes import Episode, EpisodeBook, Purse
from detector.boards.sums import HourState
from detector.config import Config
from detector.forgetting import forgotten, masked_segment
from detector.ledger import stored as ledger
from detector.ledger.booking import book as book_ledger
from detector.ledger.books import DAY_S, Books, Common
from detector.ledger.flags import hear_alerts
from detector.ledger.folding import make_room
from detector.ledger.upkeep import reach
from detector.model.alert import Alert
from detector.model.packed import STRONG, Ident
from detector.model.rollup import LINKED, MOVED, ROLL, Opened, Party, Sheet, decode_rollup
from detector.rules.budget_inquiry import BudgetInquiry
from detector.rules.shipped_inquiry import ShippedInquiry
from detector.rules.spend_inquiry import SpendExplanation, SpendInquiry
from detector.state.sources import Sources
from detector.state.stored import open_stored, refusing_damage, store

_HOUR_MIN = 60
_MOST_HOURS = 24 * 9
"""Hours without any rollup that are kept house for one by one; after more everything is idle."""


_PART_BITS = 16


class PortfolioOutcome(NamedTuple):
    """Alert records in order, and (key, record) of baselines for watch."""

    alerts: list[Alert]
    baselines: list[tuple[bytes, bytes]]


class _Waiting(msgspec.Struct, array_like=True):
    """A minute of a source that is not complete yet."""

    source: int
    parties: list[Party]
    sheet: Sheet


class Portfolio:
    """The rules of spend over one partition of `detector.rollups`."""

    def __init__(self, config: Config, partition: int = 0) -> None:
        self.partition, self.offset, self.forgot = partition, -1, False
        self._config = config
        settings = config.portfolio
        self._accounts = Accounts(settings.segments, settings.max_accounts, settings.max_teams)
        self.books = Books()
        self._book = EpisodeBook(config)
        self._inquiry = SpendInquiry(config, self._accounts, self._book)
        self.budgets = BudgetInquiry(config, self._accounts, self.books, self._book)
        self._shipped = ShippedInquiry(config, self.books, self._book, self._accounts.segment_of)
        self._sources = Sources()
        self._taken: dict[int, int] = {}  # source -> newest minute << 16 | its newest part
        self._pending: dict[int, list[_Waiting]] = {}  # by minute
        self._minute = 0  # the newest that was judged
        self._baselines: list[tuple[bytes, bytes]] = []
        self.late = 0

    @property
    def watermark(self) -> float:
        """All that happened before this event time (s UTC) has been judged."""
        return (self._minute + 1) * 60.0 if self._minute else 0.0

    @property
    def accounts(self) -> dict[str, int]:
        """How many there are, by kind."""
        held = self._accounts
        return {"task": len(held.tasks), "agent": len(held.agents), "team": len(held.teams)}

    @property
    def hours(self) -> dict[tuple[str, str | None], HourState]:
        """By tenant and team what the last 60 minutes cost, and what is usual of an hour."""
        return {
            (group.tenant, group.name): HourState(
                group.since(self._minute - MINUTES + 1),
                group.usual() if group.history_h() >= self._config.rules.spend_spike.history_hours else None,
            )
            for group in self._accounts.teams.values()
        }

    def take_late(self) -> int:
        """Rows that came after their minute was judged, since this was last asked."""
        late, self.late = self.late, 0
        return late

    @property
    def live_runs(self) -> int:
        """Accounts of tasks, and of runs without one."""
        return len(self._accounts.tasks)

    @property
    def open_episodes(self) -> dict[tuple[str, str], int]:
        """How many are open, by rule and severity."""
        return dict(Counter((e.rule, e.alert.severity) for e in self._book))

    @property
    def explanations(self) -> list[SpendExplanation]:
        """What the rules made of what was to be explained."""
        return self._inquiry.explanations

    def explain(self, ident: Ident, t: float) -> None:
        """The verdict on the task (or run) of this identity at the end of the minute of `t` (s UTC) is kept."""
        self._inquiry.wanted = (within(key_of_team(ident.tenant, ident.team), ident.subject), int(t // 60.0))

    def process(self, rollup: bytes, offset: int, written_s: float = 0.0) -> PortfolioOutcome:
        """Takes the rollup at `offset`, written at `written_s` (s UTC by the broker's record, 0: not known).

        One that the state already includes changes nothing. Raises msgspec.DecodeError or ValueError on bytes that are
        no rollup.
        """
        if offset <= self.offset:
            return PortfolioOutcome([], [])
        if (person := forgotten(rollup)) is not None:
            alerts = self._forget_person(person)
            self.offset = offset
            return PortfolioOutcome(alerts, [])
        told = decode_rollup(rollup)
        for sheet in told.sheets:
            place = sheet.minute << _PART_BITS | sheet.part
            if place > self._taken.get(told.source, -1):
                self._taken[told.source] = place
                self._pending.setdefault(sheet.minute, []).append(_Waiting(told.source, told.parties, sheet))
        marks = dict.fromkeys(range(told.sources), 0.0) | {told.source: told.mark}
        self._sources.tell(marks, written_s, self._config.time.hold_back_s)
        alerts = self._advance()
        self.offset = offset
        baselines, self._baselines = self._baselines, []
        return PortfolioOutcome(alerts, baselines)

    def _reached(self) -> int:
        """The minute up to which every source that is waited for (see Sources) has told everything."""
        return int(self._sources.reached(self._config.time.hold_back_s) // 60.0) - 1

    def _advance(self) -> list[Alert]:
        """Judges the minutes that are complete, each after the hours that end before it."""
        reached, alerts = self._reached(), []
        for minute in sorted(m for m in self._pending if m <= reached):
            waiting = sorted(self._pending.pop(minute), key=lambda w: w.source)
            told = [Opened(w.source, w.parties, w.sheet.last_ids, np.frombuffer(w.sheet.rows, ROLL)) for w in waiting]
            at = max(minute, self._minute)
            self.late += sum(len(o.rows) for o in told if minute < self._minute)
            due = self._pass_to(at)
            due += self._take(at, told)
            hear_alerts(self.books, at, due)
            alerts += due
        if reached > self._minute:
            due = self._pass_to(reached)
            hear_alerts(self.books, reached, due)
            alerts += due
        return alerts

    def _pass_to(self, minute: int) -> list[Alert]:
        """Time passes until the end of the minute before this one."""
        alerts: list[Alert] = []
        first = self._minute // _HOUR_MIN + 1 if self._minute else minute // _HOUR_MIN
        last = minute // _HOUR_MIN
        for hour in range(max(first, last - _MOST_HOURS), last + 1):
            alerts += self._keep_house(hour * 3600.0)
        alerts += self._book.tick(minute * 60.0)
        self._minute = max(self._minute, minute)
        return alerts

    def _keep_house(self, t: float) -> list[Alert]:
        """What is done at full hours (`t`: s UTC), before the first minute of the next."""
        alerts = self._book.tick(t)
        alerts += self._inquiry.ask_teams(t)
        reach(self.books, int(t // 3600.0))
        alerts += self.budgets.ask(t)
        if t % DAY_S == 0.0:
            alerts += self._shipped.ask(t)
        look_at_peers(self._accounts)
        self._baselines += tell(self._accounts, t)
        return alerts + self._forget(t)

    def _forget(self, t: float) -> list[Alert]:
        """What is idle by `t` (s UTC) or beyond the bound leaves, and its episodes end."""
        alerts, gone = self._book.make_room(t), self._accounts.forget(t)
        make_room(self.books, self._config.portfolio.max_tasks)
        return alerts + [alert for key in gone for alert in self._book.forget(key, t, Purse(0, 0, 0.0))]

    def _take(self, minute: int, told: list[Opened]) -> list[Alert]:
        """Books a minute of all its sources, and asks the rules."""
        accounts = self._accounts
        accounts.newest = {}
        booked = book(accounts, minute, told)
        alerts = self._apply_news(minute, told)
        alerts += self._inquiry.ask(minute, booked)
        book_ledger(self.books, minute, told)
        return alerts + self._forget((minute + 1) * 60.0) if accounts.crowded else alerts

    def _apply_news(self, minute: int, told: list[Opened]) -> list[Alert]:
        """Links and statuses of a minute, after what it spent."""
        alerts: list[Alert] = []
        for _, parties, _, rows in told:
            for row in rows[rows["kind"] == LINKED]:
                link(self._accounts, parties[row["party"]], parties[row["other"]], minute)
        for _, parties, _, rows in told:
            for row in rows[rows["kind"] == MOVED]:
                t, strength = float(row["t"]), int(row["strength"])
                what = (strength, int(row["category"]), int(row["longest"]))
                slot = moved(self._accounts, parties[row["party"]], t, *what, minute)
                if slot >= 0 and strength == STRONG:
                    self._inquiry.learn(slot, t)
                    task = self._accounts.tasks.rows[slot]
                    alerts += self._book.moved(int(task["key"]), t, Purse(0, 0, float(task["since_usd"])))
        return alerts

    def _forget_person(self, pseudonym: str) -> list[Alert]:
        """The state is as if nobody had ever had this pseudonym; the next checkpoint is written whole.

        Returns the records of open episodes without it.
        """
        told_of = self._book.naming(pseudonym)
        stored = {n: [masked_segment(self.encode_segment(n), pseudonym)] for n in self.segments()}
        other = Portfolio.restore(self._config, self.partition, self.offset, stored)
        other.offset, other.forgot = self.offset, True
        vars(self).update(vars(other))
        return self._book.tell_again(told_of)

    def segments(self) -> set[int]:
        """Numbers of all segments that make up the state."""
        return {*range(max(2, self._config.portfolio.segments)), *ledger.numbers(self.books)}

    def dirty(self) -> list[int]:
        """Numbers of the segments that changed since `clean`, in order."""
        return sorted({0, *self._accounts.touched, *self._book.touched, *ledger.changed(self.books)})

    def encode_segment(self, n: int) -> bytes:
        """A segment's bytes; equal states give equal bytes."""
        if n >= ledger.FROM:
            return store(VERSION, ledger.encode(self.books, n, changes=False))
        if n == 0:
            linked = [(key, msgspec.to_builtins(task)) for key, task in self._accounts.linked.items()]
            pending = msgspec.to_builtins(sorted(self._pending.items()), builtin_types=(bytes,))
            common = msgspec.to_builtins(self.books.common)
            told = [msgspec.to_builtins(self._sources), self._taken, self._minute, self.late, pending, linked, common]
            return store(VERSION, told)
        mine = sorted((e for e in self._book if e.segment == n), key=lambda e: (e.rule, e.key))
        return store(VERSION, [self._accounts.encode(n), msgspec.to_builtins(mine)])

    def encode_changes(self, n: int) -> bytes | None:
        """What changed in a segment of the ledger; others are only written whole: their minutes change all over."""
        return store(VERSION, ledger.encode(self.books, n, changes=True)) if n >= ledger.FROM else None

    def clean(self) -> None:
        """A checkpoint of all segments has been written."""
        self.forgot = False
        self._accounts.touched = set()
        self._book.clean()
        ledger.clean(self.books)

    @classmethod
    def restore(
        cls, config: Config, partition: int, offset: int, segments: Mapping[int, Sequence[bytes]]
    ) -> "Portfolio":
        """As it was after the rollup at `offset`, from whole segments. Raises StateError."""
        portfolio = cls(config, partition)
        with refusing_damage():
            for n, parts in sorted(segments.items()):
                for raw in parts:
                    portfolio._restore(n, open_stored(raw, VERSION, list[Any]))
            ledger.finish(portfolio.books)
        portfolio.clean()
        portfolio.offset = offset
        return portfolio

    def _restore(self, n: int, kept: Any) -> None:
        if n >= ledger.FROM:
            ledger.restore(self.books, n, kept)
            return
        if n == 0:
            sources, self._taken, self._minute, self.late, pending, linked, common = kept
            self.books.common = msgspec.convert(common, Common)
            self._sources = msgspec.convert(sources, Sources)
            self._pending = {minute: msgspec.convert(waiting, list[_Waiting]) for minute, waiting in pending}
            self._accounts.restore_links(linked)
            return
        accounts, episodes = kept
        self._accounts.restore(accounts)
        self._book.restore(msgspec.convert(episodes, list[Episode]))
