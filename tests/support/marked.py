"""Events with a marker wherever a producer can put text, and the search for it in whatever was written."""

import base64
import itertools
import json
import random
import re
from collections.abc import Iterator
from typing import Any

MARKER = "quokka7zephyr9wombat4lynx"
PERSON = "plumtree7vivienne3xu"
"""In the id of every user: nowhere but in dead letters either, as long as users are pseudonyms."""
PIECE = 8
"""Characters of a marker that give it away: it may have been split."""

LOOPING, DRAFTS = 3, 5


def traces(blob: bytes | str | None, marker: str) -> list[str]:
    """The forms in which a marker, or a piece of it, is in a blob: plain in any case and width, escaped, coded."""
    raw = blob.encode() if isinstance(blob, str) else blob or b""
    plain = re.sub(rb"(?:\\u00|%|\\x)([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), raw.lower().replace(b"\0", b""))
    pieces = [marker[i : i + PIECE].encode() for i in range(len(marker) - PIECE + 1)]
    found = [p.decode() for p in pieces if p in plain or p.hex().encode() in plain]
    alike = raw.translate(bytes.maketrans(b"-_", b"+/"))
    return found + [coded for coded in _coded(marker) if coded.encode() in alike]


def _coded(marker: str) -> Iterator[str]:
    """What a base64 of a longer text has of the marker, wherever that begins."""
    for form, before in itertools.product((marker, marker.upper()), range(3)):
        coded = base64.b64encode(b"\0" * before + form.encode() + b"\0\0").decode()
        yield coded[-(-4 * before // 3) : 4 * (before + len(form)) // 3]


def forms() -> Iterator[str]:
    """Texts that hold the marker: within a sentence, in capitals, coded, escaped, alone, in parts."""
    yield f"the customer's secret is {MARKER}, keep it to yourself"
    yield MARKER.upper()
    yield base64.b64encode(f"so {MARKER} it is".encode()).decode()
    yield "".join(f"\\u{ord(c):04x}" for c in MARKER)
    yield MARKER
    yield f"{MARKER[:12]} {MARKER[12:]}"


def calls(now_s: float) -> Iterator[dict[str, Any]]:
    """Runs that loop until now, drafts of one answer, failing calls, results told later: all used, all marked."""
    text, numbers = itertools.cycle(forms()), itertools.count()

    def call(t: float, run: str, **fields: Any) -> dict[str, Any]:
        base = {
            "id": f"call-{next(numbers)}", "time": t, "run": run, "agent": "fixer", "team": "build",
            "model": "gpt-5-mini", "user": f"{PERSON}@example.org", "cost_usd": 3.0,
            "usage": {"input_tokens": 9, "prompt": next(text)},
            "turn": f"fix {MARKER}", "operation": f"chat {MARKER}", "service_tier": f"tier {MARKER}",
            "prompt": next(text), "messages": [{"role": "user", "content": [{"text": next(text)}]}],
            "reasoning": next(text), "metadata": {"deep": {"er": [{next(text): next(text)}]}},
        }  # fmt: skip
        return base | fields

    def tool(**fields: Any) -> dict[str, Any]:
        return {
            "name": "bash",
            "arguments": {"cmd": f"echo {MARKER}", MARKER: [MARKER.upper()]},
            "note": MARKER,
        } | fields

    for run, step in itertools.product(range(LOOPING), range(12)):
        failed = {"result": {"out": f"no rule for {MARKER}"}, "error": f"refused {MARKER}"}
        agent = {"agent": f"{PERSON}-laptop", "agent_personal": True} if run == 0 else {}
        yield call(now_s - 150 + 12 * step, f"loop-{run}", tools=[tool(**failed)], **agent)
    answer = " ".join(random.Random(7).choices([*forms(), "and", "then", "it", "was", "done"], k=80))
    for draft in range(DRAFTS):
        yield call(now_s - 7000 + 60 * draft, f"draft-{draft}", task="T", output={"text": answer, "thinking": MARKER})
    for n, form in enumerate(forms()):
        yield call(now_s - 5000 + n, "told", tools=[tool(result=form), tool(arguments=json.dumps({"q": form}))])
        yield call(now_s - 4000 + n, "failed", status="error", error=form)
        yield call(now_s - 3000 + n, "says", output={"text": form})
        yield call(now_s - 2000 + 2 * n, "waits", tools=[tool(call_id=f"{MARKER} {n}", arguments=form)])
        yield {
            "type": "tool_result", "id": f"result-{n}", "time": now_s - 1999 + 2 * n, "run": "waits",
            "call_id": f"{MARKER} {n}", "name": form, "result": [form, {"x": form}], "error": form, "extra": form,
        }  # fmt: skip


def statuses(now_s: float) -> Iterator[dict[str, Any]]:
    """A task that completes, and a link; what their fields hold in words is marked."""
    words = dict.fromkeys(("from", "to", "source", "deliverable", "reverts", "comment"), f"as {MARKER} says")
    yield {
        "type": "status", "id": "done", "time": now_s - 6000, "task": "T", "strength": "strong",
        "category": "completed", "user": PERSON, **words,
    }  # fmt: skip
    yield {"type": "link", "id": "link", "time": now_s - 900, "run": "loop-0", "task": "U", **words}


def malformed(now_s: float) -> Iterator[bytes]:
    """Records that become dead letters, each for another reason."""
    good = {"id": "bad", "time": now_s - 100, "run": "bad", "model": "m", "usage": {}, "user": PERSON, "p": MARKER}
    wrong: list[dict[str, Any]] = [
        {"id": MARKER * 30}, {"id": None}, {"usage": MARKER}, {"usage": {"input_tokens": MARKER}},
        {"usage": {"input_tokens": -1, MARKER: 1}}, {"status": MARKER}, {"type": MARKER}, {"time": MARKER},
        {"time": f"2026-01-01 {MARKER}"}, {"time": 1.0}, {"time": now_s + 1e7}, {"cost_usd": MARKER},
        {"cost_basis": MARKER}, {"tools": MARKER}, {"tools": [{"arguments": MARKER}]},
        {"tools": [{"name": {MARKER: 1}}]}, {"output": {"sketch": MARKER}},
        {"output": {"fingerprint": MARKER}}, {"interactive": MARKER},
        {"run": [MARKER]}, {"run": None, "turn": MARKER}, {"duration_s": MARKER},
        {"tools": [{"name": MARKER, "error": [MARKER]}]},
    ]  # fmt: skip
    yield from (json.dumps(good | fields).encode() for fields in wrong)
    whole = json.dumps(good).encode()
    yield whole[:-1]
    yield whole + MARKER.encode()
    yield f'"{MARKER}"'.encode()
    yield MARKER.encode()
    yield f'["{MARKER}", {json.dumps(good | {"time": MARKER})}]'.encode()
    yield whole.replace(b'"bad"', b'"bad\xff"')
    yield whole.replace(b'"bad"', rb'"bad\ud800"')
    deep = '{"a":' * 300 + f'"{MARKER}"' + "}" * 300
    yield json.dumps(good)[:-1].encode() + f', "tools": [{{"name": "x", "arguments": {deep}}}]}}'.encode()
    yield json.dumps(good | {"prompt": MARKER * 5000}).encode()
