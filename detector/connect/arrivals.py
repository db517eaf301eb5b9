"""What arrived, by who told it: calls, what they lack, dollars and runs with a task. No Kafka in it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from detector.config import Config
from detector.connect.fields import OF_TOOLS
from detector.enrich.metering import metered, tokens_of
from detector.enrich.pricing import Prices
from detector.errors import BadInput, Reason
from detector.model import packed as pk
from detector.model.events import Call, Done, Event, Link, Status, Tool, ToolCall, ToolResult, tells
from detector.model.subject import require_subject
from detector.sources.reading import Headers, Read, of_native, of_source
from detector.sources.times import seconds, taken_at

Run = tuple[str, str]
"""Tenant and run."""


@dataclass
class Tally:
    """Of one source. `has` counts calls (of `arguments` and `results`: tools) that tell a field of FIELDS.

    runs: each, and whether its calls name a task. usd: dollars of each run by whether they do.
    """

    calls: int = 0
    failed: int = 0
    unmetered: int = 0
    unpriced: int = 0
    tools: int = 0
    has: Counter[str] = field(default_factory=Counter)
    runs: dict[Run, bool] = field(default_factory=dict)
    usd: dict[tuple[Run, bool], float] = field(default_factory=dict)

    def lacking(self, name: str) -> int:
        """How many calls or tools do not tell a field."""
        return (self.tools if name in OF_TOOLS else self.calls) - self.has[name]


class Arrivals:
    """Takes records as ingest would, and counts. An event that comes again under its id is counted once.

    by_source: by `source` of the event, else by its topic. refused: dead letters by topic, reason and field.
    """

    def __init__(self, config: Config) -> None:
        topics = config.topics
        self._reads: dict[str, Read] = {topics.calls: of_native("calls"), topics.status: of_native("status")}
        self._reads |= {source.topic: of_source(source) for source in config.sources}
        self._limits, self._prices = config.ingest, Prices.of(config.prices)
        self._linked: set[Run] = set()
        self._seen: set[tuple[str, str, str]] = set()
        self._waiting: dict[tuple[str, str], Tally] = {}
        self.by_source: dict[str, Tally] = {}
        self.refused: Counter[tuple[str, Reason, str]] = Counter()
        self.records: Counter[str] = Counter()
        self.statuses = 0

    @property
    def calls(self) -> int:
        """Of all sources."""
        return sum(tally.calls for tally in self.by_source.values())

    def link(self, runs: Iterable[Run]) -> None:
        """Of these runs a link names the task, whatever their calls say."""
        self._linked.update(runs)

    def take(self, topic: str, value: bytes | None, broker_s: float | None, headers: Headers = ()) -> None:
        """One record of a topic; `broker_s` is its timestamp (s UTC), None where it has none."""
        self.records[topic] += 1
        if value is None:
            self.refuse(topic, BadInput(Reason.NOT_JSON, "", "is empty"))
            return
        if len(value) > self._limits.max_record_bytes:
            self.refuse(topic, BadInput(Reason.TOO_LARGE, "", f"has {len(value)} bytes"))
            return
        for event in self._reads[topic](value, headers):
            try:
                if isinstance(event, BadInput):
                    raise event
                self._one(topic, event, taken_at(seconds(event.time), broker_s, self._limits))
            except BadInput as bad:
                self.refuse(topic, bad)

    def refuse(self, topic: str, bad: BadInput) -> None:
        """Counts a dead letter."""
        self.refused[topic, bad.reason, bad.field] += 1

    def _one(self, topic: str, event: Event, t: float) -> None:
        tenant = event.tenant or "default"
        require_subject(event)
        if isinstance(event, Link):
            if event.task is not None:
                self.link([(tenant, event.run)])
            return
        key = (tenant, event.type, event.id)
        if key in self._seen:
            return
        self._seen.add(key)
        if isinstance(event, ToolResult):
            tally = self._waiting.pop((tenant, event.call_id), None)
            if tally is not None:
                tally.has["results"] += 1
        elif isinstance(event, Call | ToolCall):
            tally = self.by_source.setdefault(event.source or topic, Tally())
            run = (tenant, event.run or f"{event.task} {event.agent or ''}")
            tally.runs[run] = tally.runs.get(run, False) or event.task is not None
            for tool in event.tools or () if isinstance(event, Call) else (event.tool,):
                self._tool(tally, tenant, tool)
            if isinstance(event, Call):
                self._call(tally, run, event, t)
        elif isinstance(event, Status):
            self.statuses += 1

    def _tool(self, tally: Tally, tenant: str, tool: Tool) -> None:
        tally.tools += 1
        stands = tool.sketched or Done()  # for texts that its producer does not tell
        if tells(tool.arguments) or stands.action is not None:
            tally.has["arguments"] += 1
        if tells(tool.result) or tool.error is not None or stands.result is not None:
            tally.has["results"] += 1
        elif tool.call_id is not None:
            self._waiting[tenant, tool.call_id] = tally

    def _call(self, tally: Tally, run: Run, call: Call, t: float) -> None:
        flags, usd = metered(call, t, run[0], tokens_of(call.usage), self._prices, Counter())
        failed = call.status not in ("ok", None)
        tally.calls += 1
        tally.failed += failed
        tally.unmetered += bool(flags & pk.UNMETERED)
        tally.unpriced += bool(flags & pk.UNPRICED)
        key = run, call.task is not None
        tally.usd[key] = tally.usd.get(key, 0.0) + usd
        told = {
            "usage": failed or not flags & pk.UNMETERED,  # where nothing was answered there is none to tell
            "price": not flags & pk.UNPRICED,
            "run": call.run is not None,
            "task": call.task is not None or run in self._linked,
            "team": bool(call.team),
            "agent": bool(call.agent),
            "answer": bool(call.output or call.tools or call.tools_apart or call.error),
            "turn": bool(call.turn),
        }
        tally.has.update(name for name, is_told in told.items() if is_told)

    def tasked_runs(self, tally: Tally) -> int:
        """Of how many runs a task is known, by their calls or by a link that has come by now."""
        return sum(tasked or run in self._linked for run, tasked in tally.runs.items())

    def tasked_usd(self, tally: Tally) -> float:
        """The dollars of which a task is known, likewise."""
        return sum(usd for (run, tasked), usd in tally.usd.items() if tasked or run in self._linked)
