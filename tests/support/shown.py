"""What pages are given in tests: real records of loops, made ones of other rules, and a source that holds them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import msgspec
from aiohttp import web

from detector.config import Config
from detector.incidents.tasks import DELIVERED, OpenTask, OpenTasks, TeamTasks
from detector.incidents.view import EVERY, Choices, Incident, Overview, TeamSpend, Wanted
from detector.model.alert import Alert, Severity
from detector.policy.grants import Policy
from detector.policy.scope import Scope, may_see, shown_agent, shown_user
from detector.web.listening import Listening
from detector.web.pages import routes
from tests.support.judged import T0, answers, in_order, judge, last, status, steps, tool

NOW = T0 + 1500.0
SLICE_S = 300.0


class Told(Incident):
    """An incident that can stand in a list too, by its record."""

    @property
    def firing(self) -> bool:
        return self.alert.state != "resolved"

    @property
    def severity(self) -> Severity:
        return self.alert.severity

    @property
    def cost_usd(self) -> float:
        return self.alert.cost_usd

    @property
    def opened_at(self) -> float:
        return self.alert.opened_at

    @property
    def task_key(self) -> tuple[str, str | None]:
        return self.alert.tenant, self.alert.task


@cache
def cycle(rounds: int = 9, **fields: Any) -> Alert:
    """The last record before the end of a loop of three steps that fails each time, as the engine tells it."""
    of_one = [
        tool("read_file", "def total(): ...", path="billing/invoice.py"),
        tool("edit_file", "1 file changed", path="billing/invoice.py", old="0.1", new="0.10"),
        tool("run_tests", error="test_total: expected 10.00, got 10.01", command="pytest billing"),
    ]
    told = {"run": "fix/7", "task": "PAY-7", "agent": "invoice-fixer", "team": "payments", "user": "u-0123456789ab"}
    events = steps(*of_one * rounds, gap_s=25.0, **{**told, "cost_usd": 0.42} | fields)
    return _open([status(-600.0, "PAY-7"), *events])


@cache
def near(**fields: Any) -> Alert:
    """The same of an agent that gives nearly the same answer again and again."""
    text = "I looked at the ranking of the results and found that the weights of the second model need to be checked"
    told = {"run": "rank/3", "task": "SEA-3", "agent": "ranking-analyst", "team": "search", "cost_usd": 0.9} | fields
    events = answers(*(f"{text}, attempt {n}." for n in range(14)), gap_s=40.0, **told)
    return _open([status(-400.0, "SEA-3"), *events])


def _open(events: list[dict[str, Any]]) -> Alert:
    told = [alert for alert in judge(in_order(events)) if alert.state != "resolved"]
    return max(last(told), key=lambda alert: (alert.severity == "critical", alert.rule == "loop", alert.cost_usd))


def spike(**fields: Any) -> Alert:
    """An hour of a task that costs nine times its usual."""
    evidence = {
        "since": NOW - 3600.0, "hour_usd": 42.06, "usual_usd": 4.76, "bar": 1.0, "since_strong_usd": 71.64,
        "usual_is": "mean of the active hours of the agent in 7 days (61)", "statuses_due": 2.53, "held_s": 1800.0,
        "still_share": 1.0, "movers": 1,
        "page_needs": {
            "times_usual": 5.5, "usd_above_usual": 20.0, "has_task": True, "status_source": True, "calm_s": 4800.0,
            "held_s": 420.0, "usual_hours_since_strong": 5.0,
        },
        "culprits": {"agent": "ledger-migrator", "run": None}, "interactive": False, "told_late": False,
        "calls": [f"call-{n}" for n in range(30)],
        "usd_by_minute": [[int(NOW // 60) * 60 - 60 * (50 - n), 0.2 + 0.03 * n] for n in range(50) if n % 7],
    }  # fmt: skip
    told: dict[str, Any] = {
        "id": "b0382cf58f736a6dc6cf1ea8", "rule": "spend_spike", "level": "task", "severity": "critical",
        "state": "update", "tenant": "default", "team": "payments", "agent": "ledger-migrator", "task": "PAY-9",
        "model": "claude-opus-4-5", "opened_at": NOW - 900.0, "updated_at": NOW - 60.0, "group": "spend_spike:1",
        "summary": "task PAY-9 of ledger-migrator spent $42.06 in the hour to 21 Sep 14:38 UTC, 9 times its usual "
        "$4.76, and its status did not move",
        "cost_usd": 45.59, "burn_usd_per_hour": 42.06, "usual_usd_per_hour": 4.76, "calls": 133, "tokens": 14_912_156,
        "since_status_change_s": 81_625.9, "evidence": evidence, "version": 3, "software": "0.1.0",
        "runbook_url": "https://example.org/runbooks/spend_spike.md", "config_digest": "0badcafe",
    }  # fmt: skip
    return Alert(**{**told, **fields})


def bloat(**fields: Any) -> Alert:
    """A line on a board, of a rule without a picture."""
    evidence = {
        "since": NOW - 400.0, "input_tokens": 180_000, "input_tokens_before": 40_000, "cached_share": 0.25,
        "calls_in_a_row": 5, "excess_usd": 1.2, "interactive": True, "told_late": False, "calls": ["c1", "c2"],
    }  # fmt: skip
    told = {
        "id": "b10a7", "rule": "context_bloat", "level": "run", "severity": "info", "state": "open", "version": 1,
        "team": "search", "agent": "indexer", "run": "run-7", "task": None, "cost_usd": 1.2, "opened_at": NOW - 300.0,
        "burn_usd_per_hour": 3.0, "usual_usd_per_hour": None, "spend_only": True, "since_status_change_s": None,
        "summary": "indexer calls with contexts of 180,000 tokens, 5 calls in a row", "evidence": evidence,
        "group": "context_bloat:1",
    }  # fmt: skip
    return spike(**{**told, **fields})


def shipped(**fields: Any) -> Alert:
    """A ticket about a team's month, with a list of records in its evidence; it has ended."""
    evidence = {
        "since": NOW - 28 * 86_400.0, "days": 28, "outcomes": 40, "undone": 12, "undone_usd": 410.5, "share": 0.3,
        "share_before": 0.05, "tasks": [{"task": "SEA-1", "usd": 81.0, "fate": "reverted"},
                                        {"task": "SEA-2", "usd": 12.5, "fate": "open"}],
        "decided_by": "what a month came to wakes nobody: never a page", "resolved_by": "quiet",
    }  # fmt: skip
    told = {
        "id": "c4", "rule": "churn", "level": "team", "severity": "warning", "state": "resolved", "agent": None,
        "task": None, "model": None, "team": "search", "cost_usd": 410.5, "resolved_at": NOW - 7200.0,
        "opened_at": NOW - 86_400.0, "burn_usd_per_hour": 0.61, "usual_usd_per_hour": None, "evidence": evidence,
        "summary": "team search: of 40 outcomes of 28 days, 12 were taken back, reopened or largely rewritten",
        "group": "churn:1",
    }  # fmt: skip
    return spike(**{**told, **fields})


def spend(names: list[str | None] | None = None, tenant: str = "default") -> list[TeamSpend]:
    """Three hours of teams, the dearest first."""
    teams = []
    for n, team in enumerate(names or ["payments", "search", "platform", None]):
        usd = [(4.0 + (k % 5)) / (n + 1) + (k - 24 if k > 24 and n == 0 else 0) for k in range(36)]
        teams.append(TeamSpend(tenant, team, usd, [0.8 * x if k > 27 and n < 2 else 0.0 for k, x in enumerate(usd)]))
    return teams


class Shown:
    """A source that holds these records and teams, and cuts them down to a scope."""

    def __init__(self, alerts: list[Alert], teams: list[TeamSpend] | None = None, stop: dict[str, Any] | None = None):
        self.held = [Told(alert, NOW, stop if alert.severity == "critical" else None) for alert in alerts]
        self.teams = spend() if teams is None else teams
        self.now_s, self.until_s, self.reading = NOW, NOW - 4.0, 0

    def overview(self, scope: Scope) -> Overview:
        teams = [t for t in self.teams if may_see(scope, t.tenant, t.team)]
        return Overview(
            self.now_s, self.until_s, self.reading, NOW - 36 * SLICE_S, SLICE_S, teams,
            sum(sum(t.usd[-12:]) for t in teams), sum(sum(t.flagged_usd[-12:]) for t in teams),
            self.incidents(scope, Wanted(open=True)),
        )  # fmt: skip

    def incidents(self, scope: Scope, wanted: Wanted = EVERY) -> list[Told]:
        found = [one for one in (_masked(one, scope) for one in self.held) if one is not None]
        return [
            one
            for one in found
            if wanted.is_of(one.alert.tenant, one.alert.team)
            and wanted.is_such(one.firing, one.alert.rule, one.severity)
        ]

    def choices(self, scope: Scope) -> Choices:
        told = [one.alert for one in self.incidents(scope)]
        return Choices(*(frozenset(getattr(a, name) for a in told) for name in ("rule", "team", "tenant")))

    def related(self, scope: Scope, id: str) -> list[Told]:
        of = next(one.alert for one in self.held if one.alert.id == id)
        every = self.incidents(scope)
        return [one for one in every if one.alert.id != id and one.alert.group == of.group]

    def incident(self, scope: Scope, id: str) -> Told | None:
        return next((one for one in self.incidents(scope) if one.alert.id == id), None)


def _masked(one: Told, scope: Scope) -> Told | None:
    alert = one.alert
    if not may_see(scope, alert.tenant, alert.team):
        return None
    masked = msgspec.structs.replace(
        alert, user=shown_user(scope, alert.user), agent=shown_agent(scope, alert.agent)
    )  # fmt: skip
    return one._replace(alert=masked)


class ShownTasks:
    """Open tasks that are there already, or an error in their place."""

    def __init__(self, rows: Sequence[OpenTask] = (), error: Exception | None = None, more: int = 0) -> None:
        self.asked, self._error = 0, error
        counts = dict[tuple[str, str | None], TeamTasks]()
        for row in rows:
            known = counts.get((row.tenant, row.team), TeamTasks(more, 0.5 * more))
            counts[row.tenant, row.team] = TeamTasks(known.tasks + 1, known.usd + row.usd)
        self.told = OpenTasks(NOW, NOW - 90.0, sorted(rows, key=lambda row: -row.usd), counts)

    async def newest(self) -> OpenTasks:
        self.asked += 1
        if self._error is not None:
            raise self._error
        return self.told


def task(**fields: Any) -> OpenTask:
    """A task that moved once; of one that has an incident, where no name is told."""
    told = {"tenant": "default", "team": "payments", "task": "PAY-7", "agent": "invoice-fixer", "age_s": 90_000.0,
            "usd": 71.64, "day_usd": 42.06, "calls": 1331, "moved_t": NOW - 7200.0, "moved_by": DELIVERED}  # fmt: skip
    return OpenTask(**{**told, **fields})


def open_tasks() -> ShownTasks:
    """Some of three teams."""
    return ShownTasks([
        task(), task(task="PAY-9", agent="ledger-migrator", usd=45.0), task(team="search", task="SEA-3", usd=9.5),
        task(team=None, task="X-1", agent=None, usd=0.02, moved_t=0.0, moved_by=""),
    ], more=300)  # fmt: skip


HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;</title></style><svg onload=alert(1)>"
    "\u202egnp.exe\u2066\u200f"
)
LONG = "x" * 10_000
ARABIC = "\u0645\u0631\u062d\u0628\u0627 (1) [2]"


def renamed(alert: Alert, text: str) -> Alert:
    """The record with every name and text in it replaced."""
    names = dict.fromkeys(("tenant", "team", "agent", "user", "key", "run", "task", "model", "class_"), text)
    evidence = {text: text, **{field: _renamed(value, text) for field, value in alert.evidence.items()}}
    return msgspec.structs.replace(alert, **names, summary=text, group=text, evidence=evidence)


def _renamed(value: Any, text: str) -> Any:
    if isinstance(value, str):
        return text
    if isinstance(value, dict):
        return {text: text} | {field: _renamed(inner, text) for field, inner in value.items()}
    return [_renamed(inner, text) for inner in value] if isinstance(value, list) else value


HOSTILES = (HOSTILE, LONG, ARABIC, " ", "\N{ZERO WIDTH SPACE}" * 40)


def hostile(*texts: str) -> Shown:
    """A source all of whose names are such texts."""
    alerts = [msgspec.structs.replace(renamed(made(), text), id=f"e{n}{k}")
              for n, text in enumerate(texts) for k, made in enumerate((spike, cycle, bloat, shipped))]  # fmt: skip
    teams = [team._replace(tenant=text) for text in texts for team in spend([text])]
    return Shown(alerts, teams, {HOSTILE: LONG, "status": HOSTILE})


@asynccontextmanager
async def served(
    source: Shown, policy: Policy | None = None, config: Config | None = None, tasks: ShownTasks | None = None
) -> AsyncIterator[str]:
    """The pages over that source on loopback; gives their address."""
    config = config or Config()
    app = web.Application()
    app.add_routes(
        routes(source, tasks or open_tasks(), policy or Policy.configured(config), config, lambda: source.now_s)
    )
    listening = Listening("web", "127.0.0.1", 0, 1.0)
    await listening.start(app)
    try:
        yield listening.address
    finally:
        await listening.stop()
