"""From what is observed and what the engine counts to the figures of an audit.

Memory is bounded by names: tasks, runs, teams with their agents and models, deliverables and episodes. The calls
themselves wait on disk, since only the end says which of them lie in the window and whom a late link gives them to.
"""

from detector.audit.accounting import Audit
from detector.audit.calls import Calls
from detector.audit.figures import Figures
from detector.audit.flagged import Episodes
from detector.audit.of_calls import CallsSource
from detector.audit.window import Window
from detector.engine import Outcome
from detector.enrich.identity import subject_hash
from detector.ledger.names import Subject
from detector.ledger.outcomes import Outcomes
from detector.model.packed import LINK, STATUS, Columns, decode_packed
from detector.pipeline.intake import Flushed


class Gatherer:
    """Takes batches of a feed and what they led to; tells the figures in the end."""

    def __init__(self, calls: Calls) -> None:
        self._calls, self._outcomes, self._episodes = calls, Outcomes(), Episodes()
        self._links: dict[int, Subject] = {}

    def take(self, flushed: Flushed, judged: Outcome) -> None:
        """Takes a batch."""
        for _, packed in flushed.packed:
            columns = decode_packed(packed)
            self._hear(columns)
            self._link(columns)
        for counted in judged.calls:
            self._calls.take(counted)
        self._episodes.take(judged.alerts)

    def _hear(self, columns: Columns) -> None:
        """Takes the statuses among observations; each may come again."""
        for row in columns.rows[columns.rows["kind"] == STATUS]:
            ident, t, delivers = columns.idents[row["ident"]], float(row["t"]), int(row["output"])
            what = (int(row["strength"]), int(row["category"]), delivers)
            self._outcomes.status(ident.subject, t, *what)
            if row["said"]:
                self._outcomes.revert(int(row["said"]), t)
            if delivers and row["duration_s"] >= 0.0:
                self._outcomes.rewrite(delivers, float(row["duration_s"]), t)

    def _link(self, columns: Columns) -> None:
        rows = columns.rows
        for n in rows["ident"][rows["kind"] == LINK].tolist():
            ident = columns.idents[n]
            if ident.task is not None:
                task = Subject(subject_hash(ident.tenant, ident.task, None), ident.tenant, ident.task)
                self._links[ident.subject] = task

    @property
    def teams(self) -> list[str]:
        """Those that calls name, by their names."""
        return sorted({who.team for who in self._calls.whos.names if who.team is not None})

    def figures(self, window: Window, team: str | None = None) -> Figures:
        """The figures of this window; of one team (of any tenant) where `team` says so."""
        for run, task in self._links.items():
            self._outcomes.join(run, task.key)
        subjects = [self._links.get(s.key, s) for s in self._calls.subjects.names]
        return Audit(CallsSource(self._calls, subjects, self._outcomes, self._episodes), window, team).figures()
