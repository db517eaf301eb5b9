"""Bodies of other formats as native events, in the order of their times, each call told once."""

from typing import NamedTuple

import msgspec

from detector.config import Config
from detector.config.sources import Format, Transcript
from detector.errors import BadInput, Reason
from detector.model.events import EMPTY, Call, Event, ToolCall
from detector.sources import cloudevents
from detector.sources.reading import Decode, decoder_of, saved, whose_of
from detector.sources.times import seconds
from detector.sources.told import first
from detector.sources.whose import Whose

_NATIVE = ("native", "cloudevents")
_TOLD_TWICE = ("otlp_logs", "gemini_outfile")
"""What coding agents send of sessions that their transcripts hold too."""
_encode = msgspec.json.Encoder().encode


class Timed(NamedTuple):
    """A native event, or why there is none; `t`: s UTC, None where it has none."""

    t: float | None
    value: bytes | BadInput


class Bodies:
    """Reads bodies as the configuration says; of a run in `runs`, (source, run), there is a transcript.

    twice: calls that were left out, since their transcript tells them.
    """

    def __init__(self, config: Config, runs: frozenset[tuple[str, str]] = frozenset()) -> None:
        self._config, self._runs = config, runs
        self._known: dict[str, tuple[Decode, Whose]] = {}
        self.twice = 0

    def events(self, format: Format | Transcript, body: bytes, parent: str | None = None) -> list[Timed]:
        """The events of a body; `parent`: the session that its folder is named after, which started a sub-agent."""
        if format in _NATIVE:
            return [_timed(event) for event in cloudevents.decode(body, (), "any")]
        decode, whose = self._how(format)
        told_before = format in _TOLD_TWICE
        out: list[Timed] = []
        t: float | None = None
        for told in decode(body):
            try:
                if isinstance(told, BadInput):
                    raise told
                event = whose.fill(told)
                if told_before and self._is_twice(event):
                    continue
                if parent is not None and isinstance(event, Call) and first(told.attributes, "kind") == "subagent":
                    event.parent_run = event.parent_run or parent
                out.append(_timed(event))
            except BadInput as bad:
                out.append(Timed(t, bad))
            t = out[-1].t
        return sorted(out, key=_when)

    def _how(self, format: Format | Transcript) -> tuple[Decode, Whose]:
        known = self._known.get(format)
        if known is None:
            origin = saved(self._config, format)
            decode, whose = decoder_of(origin), whose_of(origin)
            assert decode is not None
            assert whose is not None
            known = self._known[format] = decode, whose
        return known

    def _is_twice(self, event: Event) -> bool:
        """Whether a transcript tells it too. Of failed attempts none tells."""
        if not isinstance(event, Call | ToolCall) or (event.source, event.run) not in self._runs:
            return False
        if isinstance(event, Call):
            if event.status != "ok":
                return False
            self.twice += 1
        return True


def _timed(event: Event | BadInput) -> Timed:
    if isinstance(event, BadInput):
        return Timed(None, event)
    told = zip(event.__struct_encode_fields__, msgspec.structs.astuple(event), strict=True)
    try:
        value = _encode({name: value for name, value in told if value is not None and value is not EMPTY})
    except UnicodeEncodeError:
        return Timed(None, BadInput(Reason.NOT_UTF8, "", "half of a surrogate pair is missing"))
    return Timed(seconds(event.time), value)


def _when(timed: Timed) -> float:
    return float("-inf") if timed.t is None else timed.t
