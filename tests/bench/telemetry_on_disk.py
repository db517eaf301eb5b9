"""What clients of captures left on disk: is it told as the server answered, and are loops and sub-agents found?"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from detector.config import Config
from detector.replay.finding import find
from detector.replay.reading import Reading
from detector.replay.run import Replay
from detector.sources.reading import DECODERS, TRANSCRIPTS
from detector.sources.recognise import saved_format
from detector.sources.told import Decoded

LOOPS, CHILDREN = {"codex/stuck"}, {"codex/sub-agent"}
"""Captures whose transcripts hold a loop, or a run that another one started."""


def transcripts(folder: Path) -> list[Path]:
    """The transcripts of a capture."""
    files = (path for path in sorted(folder.iterdir()) if path.is_file())
    return [path for path in files if saved_format(path.read_bytes()) in TRANSCRIPTS]


def decoded(paths: Sequence[Path]) -> Decoded:
    """What their decoders tell."""
    return [one for body in (p.read_bytes() for p in paths) for one in DECODERS[str(saved_format(body))](body)]


def not_found(name: str, paths: Sequence[Path]) -> Iterator[str]:
    """What replaying the transcripts of a capture does not find, though they hold it."""
    replay, parents = Replay(Config()), dict[str, str | None]()
    for line in Reading(replay.feed.config, find([str(path) for path in paths]), lambda _: None).lines():
        for _ in replay.take(line.value, line.t):
            pass
        if isinstance(line.value, bytes):
            event = json.loads(line.value)
            parents[event["run"]] = event.get("parent_run")
    for _ in replay.finish():
        pass
    if name in LOOPS and not replay.summary.loops:
        yield "no loop is found"
    if name in CHILDREN and not any(parent in parents for parent in parents.values() if parent is not None):
        yield "no sub-agent is found whose parent is there"
