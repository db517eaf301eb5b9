"""Which files are replayed, folders with all that is in them, and what each holds: by content, never by name."""

import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

from detector.config.sources import Format, Transcript
from detector.errors import DetectorError
from detector.replay.opening import STDIN, opened, shown
from detector.sources.reading import TRANSCRIPTS
from detector.sources.recognise import Opening, opening, saved_format

MAX_WHOLE_BYTES = 1 << 30
"""A file that is read as a whole may be so large, unpacked."""
_LINE_BYTES = 64_000_000
_LINES, _HEAD_BYTES = 64, 8_000_000
"""How far into a file a line is looked for that tells its format."""
_BODY = (b"{", b"[", b"\n")
"""How bodies begin that are no lines: JSON over several lines, or OTLP as protobuf."""
_SESSION = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")

UNKNOWN = (
    "holds no events in any format that is read: native events, OTLP logs or traces, LiteLLM's payloads, "
    "transcripts of Codex, Gemini CLI or Claude Code; see docs/inputs.md"
)
_CLIENTS = {"rollout": "codex", "gemini_sessions": "gemini_cli", "claude_transcripts": "claude_code"}
"""By format of a transcript, the source that its calls and those of the same client by OTLP name."""


class Input(NamedTuple):
    """A file. `begin`: s UTC of its first event, None where all of it has to be read to know that.

    whole: it is one body, else each line is one. parent: the session that its folder is named after.
    """

    name: str
    format: Format | Transcript
    whole: bool
    begin: float | None = None
    parent: str | None = None


class Found(NamedTuple):
    """Files to read. runs: (source, run) of transcripts among them; passed: files in folders that hold no events."""

    inputs: list[Input]
    runs: frozenset[tuple[str, str]] = frozenset()
    passed: int = 0


class Recognised(NamedTuple):
    """A file, and the transcript that it is, if it is one."""

    input: Input
    runs: frozenset[tuple[str, str]] = frozenset()


def find(paths: Sequence[str]) -> Found:
    """What paths ("-": standard input) lead to. Raises DetectorError for a file that is named and holds no events."""
    inputs: list[Input] = []
    runs: set[tuple[str, str]] = set()
    seen: set[str] = set()
    passed = 0
    for name, named in _files(paths):
        real = os.path.realpath(name)
        if name != STDIN and real in seen:
            continue
        seen.add(real)
        try:
            found = _found(name)
        except DetectorError:
            if named:
                raise
            found = None
        if found is not None:
            inputs.append(found.input)
            runs |= found.runs
        elif named:
            raise DetectorError(f"{shown(name)}: {UNKNOWN}")
        else:
            passed += 1
    return Found(inputs, frozenset(runs), passed)


def _files(paths: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Every file, and whether it is named itself; those in folders in the order of their paths."""
    for path in paths:
        if path != STDIN and os.path.isdir(path):
            for folder, folders, files in os.walk(path):
                folders.sort()
                for name in sorted(files):
                    file = os.path.join(folder, name)
                    if os.path.isfile(file) and os.path.getsize(file):
                        yield file, False
        else:
            yield path, True


def _found(name: str) -> Recognised | None:
    if name == STDIN:  # it cannot be read twice: what it holds is known when it is read
        return Recognised(Input(name, "native", whole=False, begin=float("-inf")))
    with opened(name) as stream:
        return recognised(name, stream, [])


def recognised(name: str, stream: BinaryIO, head: list[bytes]) -> Recognised | None:
    """What a stream holds, None where it holds no events; `head` gets what had to be read to know that.

    An empty one holds native events, and none of them.
    """
    size = 0
    for line in islice(iter(lambda: stream.readline(_LINE_BYTES), b""), _LINES):
        head.append(line)
        told = opening(line) if line.lstrip()[:1] in (b"{", b"[") else None
        if told is not None:
            return _of_line(name, told, stream, head)
        size += len(line)
        if size > _HEAD_BYTES:
            break
    if not size:
        return Recognised(Input(name, "native", whole=False, begin=0.0))
    if b"".join(head[:2]).lstrip(b" \t\r")[:1] not in _BODY:
        return None
    head.append(stream.read(MAX_WHOLE_BYTES - size))
    format = saved_format(b"".join(head))
    return None if format is None or stream.read(1) else Recognised(Input(name, format, whole=True))


def _of_line(name: str, told: Opening, stream: BinaryIO, head: list[bytes]) -> Recognised:
    client = _CLIENTS.get(told.format)
    runs = frozenset({(client, told.run)} if client is not None and told.run is not None else ())
    whole = told.format in TRANSCRIPTS
    if not whole and told.format != "native":
        head.append(stream.read(1))
        whole = len(head) == 2 and not head[1]  # one line alone need not be kept open
    begin = told.t if whole else told.t or 0.0
    parent = Path(name).parent.name
    return Recognised(Input(name, told.format, whole, begin, parent if _SESSION.fullmatch(parent) else None), runs)
