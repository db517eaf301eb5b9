"""Events to observations: priced, sketched, placed, and packed by partition. Text goes no further than here."""

from collections import Counter
from typing import NamedTuple

from xxhash import xxh3_64_intdigest

from detector.enrich.identity import Identities, Who, hash64
from detector.enrich.metering import metered, tokens_of
from detector.enrich.packing import LITTLE, Pack, Texts
from detector.enrich.pricing import Prices
from detector.enrich.sketch import MAX_TEXT_BYTES, parse_sketch
from detector.enrich.tools import answer_of, is_sketched, of_tools
from detector.errors import BadInput, Reason
from detector.model import packed as pk
from detector.model.events import Call, Claim, Event, Link, Output, Status, Tool, ToolCall, ToolResult, tells
from detector.model.subject import require_subject

_OPERATION_FLAGS = {
    "compaction": pk.COMPACTION,
    **dict.fromkeys(("embeddings", "embedding", "rerank", "moderation"), pk.STEPLESS),
}
_STRENGTH = {"weak": pk.WEAK, "medium": pk.MEDIUM, "strong": pk.STRONG}
_STATUS_FLAGS = {"error": pk.ERROR, "rate_limited": pk.ERROR | pk.RATE_LIMITED}
_CALL = "model call"
_CALL_ACTION = xxh3_64_intdigest(_CALL.encode())
"""What a call that failed has done, where it has neither tools nor an output."""


class Learned(NamedTuple):
    """From `t` (s UTC) on the run works on the task: calls name both."""

    tenant: str
    run: str
    task: str
    t: float


class Observer:
    """Turns events into rows of their partition's pack; raises BadInput for one that cannot be used."""

    def __init__(self, identities: Identities, prices: Prices) -> None:
        self.identities, self.prices = identities, prices
        self.texts = Texts()
        self.packs: dict[int, Pack] = {}
        self.counts: Counter[str] = Counter()
        self.learned: list[Learned] = []

    def observe(self, event: Event, t: float, source: int, seq: int) -> int | None:
        """Adds one event, at `t` (s UTC), to its pack and returns the partition; None where it is kept here."""
        if isinstance(event, Call):
            return self.call(event, t, source, seq)
        if isinstance(event, ToolCall):
            return self._tool_call(event, t, source, seq)
        if isinstance(event, ToolResult):
            return self._tool_result(event, t, source, seq)
        if isinstance(event, Claim):
            return self._claim(event, t, source, seq)
        if isinstance(event, Status):
            return self._status(event, t, source, seq)
        return self._link(event, t, source, seq)

    def _pack(self, partition: int) -> Pack:
        pack = self.packs.get(partition)
        if pack is None:
            pack = self.packs[partition] = Pack()
        return pack

    def call(self, e: Call, t: float, source: int, seq: int) -> int:
        """Adds a call, at `t` (s UTC), to its pack and returns the partition. The hottest function of ingest."""
        require_subject(e)
        tenant = e.tenant or "default"
        told_by = e.source if e.source in self.identities.meters else None
        ident, partition = self.identities.place(
            (
                tenant,
                e.team,
                e.user,
                self.identities.personal(tenant, e.agent) if e.agent_personal else e.agent,
                e.key,
                e.run,
                e.parent_run,
                e.task,
                e.task_type,
                e.model,
                e.provider,
                told_by,
            ),
            t,
        )
        pack = self.packs.get(partition) or self._pack(partition)
        tokens = tokens_of(e.usage)
        flags, cost = metered(e, t, tenant, tokens, self.prices, self.counts)
        if e.status != "ok" and e.status is not None:
            flags |= _STATUS_FLAGS[e.status]
        if e.interactive:
            flags |= pk.INTERACTIVE
        if e.cost_basis == "notional":
            flags |= pk.NOTIONAL
        if e.operation in _OPERATION_FLAGS:
            flags |= _OPERATION_FLAGS[e.operation]
        # Where there is an action the output decides nothing, and is not even read.
        action = said = output = missing = 0
        sketch, name = -1, ""
        if e.tools:
            if e.output is not None and e.output.sketch is not None:
                _parsed(e.output.sketch)  # first: a call that is refused must leave nothing in the pack
            action, said, missing, sketch, says = self._tools(e.tools, t, ident, pack)
            flags |= says
            name = e.tools[0].name
            if len(e.tools) > 1:
                flags |= pk.SEVERAL
            if all(map(_only_named, e.tools)):
                flags |= pk.NAMES_ONLY
        elif e.tools_apart:
            flags |= pk.APART
        elif e.output is not None:
            output, sketch = self._output(e.output, pack)
            flags |= _says(e.output)
        if flags & pk.ERROR and not action and not output and sketch < 0:
            flags &= ~pk.APART  # it asked for none
            action = said = _CALL_ACTION
            name = _CALL
            missing = self._failure(e.error, pack)
        id = xxh3_64_intdigest(f"{len(tenant)}:{tenant}c{e.id}".encode())
        if told_by is not None:
            if e.task is not None and e.run is not None:
                self._learn(tenant, e.run, e.task, t)
            id, again = self._told_by(told_by, id, ident)
            flags |= again
        pack.rows.append(
            pk.pack_row(
                pk.CALL, 0, 0, missing, flags, pack.idents.setdefault(ident, len(pack.idents)), source, seq, t, id,
                0 if e.turn is None else xxh3_64_intdigest(e.turn.encode()),
                action, 0, output, said, cost, e.duration_s or 0.0,
                tokens[0] or 0, tokens[1] or 0, tokens[2] or 0, tokens[3] or 0, tokens[4] or 0,
                sketch,
            )
        )  # fmt: skip
        pack.ids.append(e.id)
        pack.names.append(name)
        return partition

    def _learn(self, tenant: str, run: str, task: str, t: float) -> None:
        """A call names run and task."""
        begin = self.identities.learn(tenant, run, task, t)
        if begin is not None:
            self.learned.append(Learned(tenant, run, task, begin))

    def _told_by(self, source: str, id: int, ident: pk.Ident) -> tuple[int, int]:
        """The id (hashed) of a call as this source tells it, and flags.

        What another source tells is another telling, of which watch counts one; what was told of another run before is
        counted there.
        """
        if self.identities.told_elsewhere(id, ident.tenant, ident.run, ident.task):
            return hash64(str(id), source, str(ident.subject), ident.run), pk.UNCOUNTED
        return hash64(str(id), source), 0

    def _tool_call(self, e: ToolCall, t: float, source: int, seq: int) -> int:
        require_subject(e)
        told_by = e.source if e.source in self.identities.meters else None
        ident, partition = self.identities.place(self._who(e, told_by), t)
        pack = self._pack(partition)
        action, said, missing, sketch, says = self._tools([e.tool], t, ident, pack)
        flags = (
            pk.TOOL | says | (pk.NAMES_ONLY if _only_named(e.tool) else 0) | (pk.INTERACTIVE if e.interactive else 0)
        )
        pack.rows.append(
            pk.pack_row(
                pk.CALL, 0, 0, missing, flags, pack.idents.setdefault(ident, len(pack.idents)), source, seq, t,
                hash64(ident.tenant, "tool", e.id), 0 if e.turn is None else xxh3_64_intdigest(e.turn.encode()),
                action, 0, 0, said, 0.0, 0.0, 0, 0, 0, 0, 0, sketch,
            )
        )  # fmt: skip
        pack.ids.append(e.id)
        pack.names.append(e.tool.name)
        return partition

    def _tools(self, tools: list[Tool], t: float, ident: pk.Ident, pack: Pack) -> tuple[int, int, int, int, int]:
        """Fingerprints of the action and of what it says, how many results are missing, the action's sketch, flags."""
        says, done = 0, of_tools(tools, t)
        given = None if done.sketch is None else self.texts.give(*_parsed(done.sketch, "tools.sketched.sketch"))
        for body, failed, tool in done.answers:
            pack.result(self.texts.answer(body), tool, failed)
            if body:
                says = pk.SAYS_SOMETHING
        missing = len(done.missing)
        if missing:
            named = [(call_id, tool) for call_id, tool in done.missing if call_id is not None][: pk.MAX_WAITS]
            for call_id, tool in named:
                pack.waits.append(pk.pack_wait(len(pack.rows), wait_key(ident.subject, call_id), tool))
            if named:
                says = pk.SAYS_SOMETHING
            if len(named) < missing or missing > pk.MAX_WAITS:
                missing = pk.NEVER
        if given is None and done.action_text:
            given = self.texts.sketch(done.action_text, True)
        return done.action, done.said, missing, -1 if given is None else pack.sketch(given), says

    def _failure(self, error: str | None, pack: Pack) -> int:
        """Takes what a failed call says of its failure; how many results are missing: one that never comes, or none."""
        if not error:
            return pk.NEVER
        pack.result(self.texts.fingerprint(error.encode()), _CALL_ACTION, True)
        return 0

    def _output(self, o: Output, pack: Pack) -> tuple[int, int]:
        """Fingerprint (where the producer made it) and sketch of the output; 0 and -1 where there is none."""
        if o.text is not None:
            raw = o.text.encode()
            if not raw:
                return 0, -1
            if len(raw) > MAX_TEXT_BYTES:
                self.counts["truncated"] += 1
            sketch = self.texts.sketch(raw, False)
            pack.output(self.texts.fingerprint(raw), sketch)
            return 0, pack.sketch(sketch)
        sketch = pack.sketch(self.texts.give(*_parsed(o.sketch))) if o.sketch is not None else -1
        return (int(o.fingerprint, 16) if o.fingerprint is not None else 0), sketch

    def _tool_result(self, e: ToolResult, t: float, source: int, seq: int) -> int:
        require_subject(e)
        body, failed = answer_of(e)
        ident, partition = self._bystander(e.tenant, e.run, e.task, t)
        pack = self._pack(partition)
        pack.result(self.texts.answer(body), 0, failed)
        action = wait_key(ident.subject, e.call_id)
        self._plain_row(pack, pk.TOOL_RESULT, ident, e.id, t, source, seq, action=action)
        return partition

    def _claim(self, e: Claim, t: float, source: int, seq: int) -> int:
        require_subject(e)
        ident, partition = self.identities.place(self._who(e, e.source), t)
        pack = self._pack(partition)
        self._plain_row(pack, pk.CLAIM, ident, e.id, t, source, seq, count=e.count or 0, name=e.kind or "")
        return partition

    def _status(self, e: Status, t: float, source: int, seq: int) -> int:
        require_subject(e)
        ident, partition = self._bystander(e.tenant, e.run, e.task, t)
        strength = _STRENGTH[e.strength]
        if e.actor == "agent":
            strength = min(strength, pk.MEDIUM)  # a runaway must not reset its own clock
        self._plain_row(
            self._pack(partition), pk.STATUS, ident, e.id, t, source, seq,
            strength=strength, category=pk.CATEGORIES[e.category],
            output=_shipped(ident.tenant, e.deliverable), said=_shipped(ident.tenant, e.reverts),
            share=-1.0 if e.churned_share is None else e.churned_share,
        )  # fmt: skip
        return partition

    def _link(self, e: Link, t: float, source: int, seq: int) -> int | None:
        require_subject(e)
        tenant = e.tenant or "default"
        if e.parent_run is not None:
            self.identities.start(tenant, e.run, e.parent_run, t)
        if e.task is not None:
            self.identities.link(tenant, e.run, e.task, t)
        task = self.identities.task_of(tenant, e.run, t)
        if task is None:
            return None
        ident, partition = self.identities.linked(tenant, e.run, task)
        self._plain_row(self._pack(partition), pk.LINK, ident, e.id, t, source, seq)
        return partition

    def _who(self, e: ToolCall | Claim, source: str | None) -> Who:
        tenant = e.tenant or "default"
        agent = self.identities.personal(tenant, e.agent) if e.agent_personal else e.agent
        return tenant, e.team, e.user, agent, e.key, e.run, e.parent_run, e.task, e.task_type, None, None, source

    def _bystander(self, tenant: str | None, run: str | None, task: str | None, t: float) -> tuple[pk.Ident, int]:
        """Identity and partition of an event of `t` (s UTC) that is no call."""
        who = (tenant or "default", None, None, None, None, run, None, task, None, None, None, None)
        return self.identities.place(who, t)

    @staticmethod
    def _plain_row(
        pack: Pack, kind: int, ident: pk.Ident, id: str, t: float, source: int, seq: int, *,
        strength: int = 0, category: int = 0, action: int = 0, count: int = 0, name: str = "",
        output: int = 0, said: int = 0, share: float = 0.0,
    ) -> None:  # fmt: skip
        number = pack.idents.setdefault(ident, len(pack.idents))
        pack.rows.append(
            pk.pack_row(
                kind, strength, category, 0, 0, number, source, seq, t, hash64(ident.tenant, str(kind), id), 0,
                action, 0, output, said, 0.0, share, count, 0, 0, 0, 0, -1,
            )
        )  # fmt: skip
        pack.ids.append(id)
        pack.names.append(name)


def _shipped(tenant: str, deliverable: str | None) -> int:
    """What stands for a deliverable, 0 where there is none: its name goes no further."""
    return hash64(tenant, "deliverable", deliverable) if deliverable else 0


def _parsed(sketch: str, field: str = "output.sketch") -> tuple[int, bytes]:
    """Level and bitmap of a sketch that a producer made; raises BadInput where it is none."""
    try:
        return parse_sketch(sketch)
    except ValueError as error:
        raise BadInput(Reason.OUT_OF_RANGE, field, str(error)) from error


def _says(o: Output) -> int:
    """Flags of what an output says, as far as they are known before its text is read."""
    if o.text is not None:
        return pk.LITTLE if len(o.text) <= LITTLE else 0
    said = o.says or ()
    return (pk.LITTLE if "little" in said else 0) | (pk.DEGENERATE if "repeats" in said else 0)


def _only_named(tool: Tool) -> bool:
    return not tells(tool.arguments) and not is_sketched(tool)


def wait_key(subject: int, call_id: str) -> int:
    """What a tool call and its later result have in common."""
    return hash64(str(subject), call_id)
