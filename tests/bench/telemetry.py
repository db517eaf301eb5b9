"""`python -m tests.bench.telemetry PATH`: are the numbers that decoders tell those that the model's server gave out?

Each folder under PATH with a `truth.jsonl` is a capture: bodies as a client sent them (`*.bin`, `*.json`; a
`*.decoded.json` is another form of its `.bin`), and a line for each answer of the server. A line is printed for each
capture. The exit code is 1 where a call is told that was not answered, a number differs from that of its call, or a
call or a number is missing that the client is known to tell. Transcripts of a capture have a line of their own; there
it is 1 too where replaying them does not find the loop or the sub-agent that they are known to hold.

With --collector what is OTLP is sent to a real collector, and what this writes to an embedded broker is decoded.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from detector.errors import BadInput
from detector.model.events import Call
from detector.sources import litellm, otlp_logs, otlp_spans
from detector.sources.recognise import format_of
from detector.sources.told import Decoded
from tests.bench.by_collector import by_collector
from tests.bench.telemetry_on_disk import decoded as on_disk
from tests.bench.telemetry_on_disk import not_found, transcripts
from tests.support.command import run_main

NUMBERS = {
    "input": "input_tokens",
    "cached": "cached_input_tokens",
    "written": "cache_write_tokens",
    "output": "output_tokens",
    "reasoning": "reasoning_tokens",
}
"""Of an answer, and what they are called in a call's usage."""
UNSAID = {"gemini": {"written"}, "anthropic": {"reasoning"}}
"""What answers of an API do not hold, though the server of the captures notes it."""
LEFT_OUT: dict[str, dict[str, int]] = {
    "codex/cut": {"calls": 3},
    "codex/*": {},
    "gemini/loop": {"calls": 2, "input": 2, "cached": 2, "output": 2, "reasoning": 2},  # 2 are cut off
    "gemini/*": {},
    "litellm/webhook": {},
    "litellm/otel-default": {"calls": 15},
    "litellm/otel-request-span": {"cached": 9, "written": 9, "reasoning": 10},
    "litellm/otel-v2": {"reasoning": 10},
    "openai-sdk/openai-v2*": {"calls": 2, "input": 2, "cached": 7, "written": 7, "output": 2, "reasoning": 7},
    "openai-sdk/openllmetry*": {"input": 2, "cached": 2, "written": 9, "output": 2, "reasoning": 4},
    "openai-sdk/openinference*": {"input": 2, "cached": 2, "written": 2, "output": 2, "reasoning": 2},
    "anthropic-sdk/native": {"output": 1},
    "pydantic-ai/*": {},
    "langgraph/openllmetry": {"reasoning": 2},
    "langgraph/langsmith-otel": {"cached": 2, "written": 2, "reasoning": 2},
    "langgraph/openinference": {"written": 2},
    "double/*": {"written": 2},
}
"""Captures, and the calls and the numbers of told calls that their client itself leaves out. Of others, any may be."""
DECODERS: dict[str, Callable[[bytes], Decoded]] = {
    "litellm": litellm.decode,
    "otlp_logs": otlp_logs.decode,
    "otlp_spans": otlp_spans.decode,
}
"""By format."""

Numbers = dict[str, int | None]
Body = tuple[str, bytes]
"""Its format, and what it is."""
Through = Callable[[list[Body]], list[Body]]
"""What becomes of the bodies of a capture on their way."""


class Found(NamedTuple):
    """A capture: numbers of its told and its true calls, failed calls, and what is wrong with it."""

    told: list[Numbers]
    true: list[Numbers]
    absent: dict[str, int]
    failed: int
    wrong: list[str]


def measure(folder: Path, through: Through = list) -> Found | None:
    """What is told of a capture beside its truth; None where none of its bodies has a decoder."""
    bodies = [
        (format, body)
        for path in sorted(folder.iterdir())
        if path.suffix in (".bin", ".json") and not path.name.endswith(".decoded.json")
        if (format := format_of(body := path.read_bytes())) in DECODERS
    ]
    if not bodies:
        return None
    decoded = [one for format, body in through(bodies) for one in DECODERS[format](body)]
    refused = [f"{one.field or 'an event'} is refused: {one.detail}" for one in decoded if isinstance(one, BadInput)]
    return _beside_truth(folder, decoded, refused)


def measure_on_disk(folder: Path) -> Found | None:
    """What its transcripts tell beside its truth; None where it has none."""
    paths = transcripts(folder)
    if not paths:
        return None
    told = on_disk(paths)
    refused = [f"{one.field or 'a line'} is refused: {one.detail}" for one in told if isinstance(one, BadInput)]
    return _beside_truth(folder, told, [*refused, *not_found("/".join(folder.resolve().parts[-2:]), paths)])


def _beside_truth(folder: Path, decoded: Decoded, refused: list[str]) -> Found:
    calls = _once(one.event for one in decoded if not isinstance(one, BadInput))
    answered = [call for call in calls if call.status == "ok" or call.usage.output_tokens]
    told = [{n: getattr(call.usage, field) for n, field in NUMBERS.items()} for call in answered]
    found = compare(told, _truth(folder / "truth.jsonl"), _left_out(folder))
    return found._replace(failed=len(calls) - len(answered), wrong=refused + found.wrong)


def _once(events: Iterable[Any]) -> list[Call]:
    """The calls, each once: what a later telling of one adds is added."""
    calls: dict[str, Call] = {}
    for event in events:
        if not isinstance(event, Call):
            continue
        known = calls.setdefault(event.id, event)
        for name in known.usage.__struct_fields__:
            if getattr(known.usage, name) is None:
                setattr(known.usage, name, getattr(event.usage, name))
    return list(calls.values())


def _truth(path: Path) -> list[Numbers]:
    answers = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        {n: None if n in UNSAID.get(a["api"], ()) else a["usage"].get(n) for n in NUMBERS}
        for a in answers
        if a["usage"] is not None
    ]


def _left_out(folder: Path) -> dict[str, int] | None:
    name = "/".join(folder.resolve().parts[-2:])
    return next((counts for pattern, counts in LEFT_OUT.items() if fnmatch(name, pattern)), None)


def compare(told: list[Numbers], true: list[Numbers], left_out: dict[str, int] | None = None) -> Found:
    """Pairs each told call with an answer that has all the numbers which it tells.

    left_out: how many calls are not told, and how often each number is not; None where that is not known.
    """
    pairs = _pairs(told, true)
    wrong = []
    if len(told) > len(true):
        wrong.append(f"{len(told) - len(true)} calls too many")
    elif pairs < len(told):
        wrong.append(f"{len(told) - pairs} calls have other numbers than any answer")
    untold = max(len(true) - len(told), 0)
    missing = {n: max(_having(true, n) - _having(told, n) - untold, 0) for n in NUMBERS} | {"calls": untold}
    if left_out is not None:
        lost = {n: count - left_out.get(n, 0) for n, count in missing.items()}
        wrong += [f"{n}: {count} missing that the client tells" for n, count in lost.items() if count > 0]
    return Found(told, true, missing, 0, wrong)


def _having(calls: list[Numbers], n: str) -> int:
    return sum(call[n] is not None for call in calls)


def _pairs(told: list[Numbers], true: list[Numbers]) -> int:
    """How many told calls can each have an answer of its own at once."""
    taken: dict[int, int] = {}

    def place(i: int, tried: set[int]) -> bool:
        for j, numbers in enumerate(true):
            if j in tried or not _agree(told[i], numbers):
                continue
            tried.add(j)
            if j not in taken or place(taken[j], tried):
                taken[j] = i
                return True
        return False

    for i in range(len(told)):
        place(i, set())
    return len(taken)


def _agree(told: Numbers, true: Numbers) -> bool:
    # Of a number that the answer does not hold, a client may make a zero and no more.
    return all(x is None or x == (true[n] or 0) for n, x in told.items())


def line(name: str, found: Found) -> str:
    """A capture in one line: `=` where the sums are equal, else both, and how many calls lack the number."""
    cells = []
    for n in NUMBERS:
        told, true = (sum(x[n] or 0 for x in calls) for calls in (found.told, found.true))
        absent = f" ({found.absent[n]} absent)" if found.absent[n] else ""
        cells.append(f"{n} {'=' if told == true else f'{told}/{true}'}{absent}")
    failed = f"; {found.failed} failed" if found.failed else ""
    wrong = "".join(f"\n    WRONG: {what}" for what in found.wrong)
    return f"{name:<32} calls {len(found.told):>3}/{len(found.true):<3}  {', '.join(cells)}{failed}{wrong}"


def main(argv: Sequence[str]) -> int:
    """Measures each capture and tells; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.telemetry", description=__doc__)
    parser.add_argument("path", type=Path, help="a folder of captures")
    parser.add_argument("--collector", action="store_true", help="by way of a real collector and an embedded broker")
    arguments = parser.parse_args(argv)
    folders = sorted(truth.parent for truth in arguments.path.rglob("truth.jsonl"))
    if not folders:
        parser.error(f"no truth.jsonl under {arguments.path}")
    failed = 0
    with ExitStack() as stack:
        through = stack.enter_context(by_collector()) if arguments.collector else list
        for folder in folders:
            name, found = "/".join(folder.resolve().parts[-2:]), measure(folder, through)
            print(f"{name:<32} nothing that a decoder takes" if found is None else line(name, found), flush=True)
            left = measure_on_disk(folder)
            if left is not None:
                print(line(f"{name}, on disk", left), flush=True)
            failed += any(one is not None and bool(one.wrong) for one in (found, left))
    print(f"{len(folders)} captures, {failed} of them wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    run_main(main)
