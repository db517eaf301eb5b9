"""The callback's queue and child: calls arrive, nothing waits for them, and what does not arrive is counted."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from detector.callback import settings as told
from detector.callback.feed import Feed
from detector.callback.picking import Picker
from detector.sources.usual_attributes import LITELLM
from tests.support import payloads as made
from tests.support.receiving import Receiver, receiving

ROOT = Path(__file__).parents[2]
PICK = Picker(LITELLM).pick
LIGHT = {"msgspec", "numpy", "xxhash", "detector"}
"""What the child may import beside Python's own."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as listening:
        yield listening


@pytest.fixture
def feed(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Feed]]:
    """Makes feeds with these settings, that are closed afterwards. Without numba their children start sooner."""
    made: list[Feed] = []
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")

    def make(**settings: Any) -> Feed:
        settings = {"endpoint": receiver.url, "flush_s": 20, **settings}
        for name, value in settings.items():
            monkeypatch.setenv(f"DETECTOR_CALLBACK_{name.upper()}", str(value))
        made.append(Feed(told.read(os.environ)))
        return made[-1]

    yield make
    receiver.open.set()
    for each in made:
        each.close()


def call(n: int, **fields: Any) -> bytes:
    return PICK(made.payload(n, **fields))


def until(holds: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_calls_arrive_and_closing_waits_for_the_last(feed: Callable[..., Feed], receiver: Receiver) -> None:
    one = feed(token="secret-of-acme", team="payments")
    for n in range(700):
        one.put(call(n))
    one.close()
    assert (one.taken, one.sent, dict(one.dropped)) == (700, 700, {})
    assert receiver.ids == [f"chatcmpl-{n}" for n in range(700)]
    assert {path for path, _, _ in receiver.requests} == {"/v1/events"}
    assert {headers["Authorization"] for _, headers, _ in receiver.requests} == {"Bearer secret-of-acme"}
    assert len(receiver.requests) < 20
    assert {(e["run"], e["task"], e["team"], e["source"]) for e in receiver.taken} == {
        (made.SESSION, "PAY-1", "payments", "litellm")
    }


def test_after_the_end_nothing_is_taken(feed: Callable[..., Feed]) -> None:
    one = feed()
    one.close()
    one.put(call(0))
    assert (one.taken, dict(one.dropped)) == (0, {"at the end": 1})


@pytest.mark.parametrize("bound", ["max_calls", "max_bytes"])
def test_while_nothing_is_taken_what_waits_is_bounded_and_the_rest_is_counted(
    bound: str, feed: Callable[..., Feed], receiver: Receiver
) -> None:
    receiver.open.clear()
    dropped: list[str] = []
    one = feed(**{bound: {"max_calls": 5, "max_bytes": 70_000}[bound]})
    one._on_drop = lambda reason, calls: dropped.extend([reason] * calls)
    large = call(0, messages=[made.answers("t0", "x" * 50_000)])
    offered = 0
    while len(dropped) < 40:  # until all that lies between is full: the pipe, and the child's hands
        offered += 1
        if one.has_room():
            one.put(large)
    assert offered == one.taken + len(dropped)
    assert one._bytes <= 70_000 if bound == "max_bytes" else len(one._waiting) <= 5
    assert set(dropped) == {"full"} == set(one.dropped)
    receiver.open.set()
    until(lambda: one.sent == one.taken)


def test_what_is_not_taken_now_is_sent_again(feed: Callable[..., Feed], receiver: Receiver) -> None:
    receiver.answers = [(429, {"Retry-After": "1"}, b""), (503, {}, b"busy"), (401, {}, b"")]
    one = feed()
    one.put(call(0))
    one.close()
    assert (one.sent, dict(one.dropped), receiver.ids) == (1, {}, ["chatcmpl-0"])
    assert len(receiver.requests) == 4


def test_what_is_refused_for_good_is_counted_and_what_follows_goes_on(
    feed: Callable[..., Feed], receiver: Receiver
) -> None:
    receiver.answers = [(400, {}, b"{}"), (200, {}, b'{"accepted": 0, "refused": 1}'), (200, {}, b"a proxy's page")]
    one = feed()
    for n in range(3):
        one.put(call(n))
        until(lambda n=n: len(receiver.requests) > n)
    one.close()
    assert (one.sent, dict(one.dropped)) == (1, {"refused": 2})


def test_a_call_that_cannot_be_told_costs_no_other(feed: Callable[..., Feed], receiver: Receiver) -> None:
    one = feed()
    one.put(call(0))
    one.put(b"not json")
    one.put(PICK(made.payload(1) | {"endTime": "never"}))
    one.put(call(2))
    one.close()
    assert (one.sent, dict(one.dropped), receiver.ids) == (2, {"refused": 2}, ["chatcmpl-0", "chatcmpl-2"])


def test_a_child_that_dies_is_counted_for_and_another_takes_over(feed: Callable[..., Feed], receiver: Receiver) -> None:
    receiver.open.clear()
    one = feed()
    one.put(call(0))
    until(lambda: one._child)
    assert one._child is not None
    one._child._process.send_signal(signal.SIGKILL)
    until(lambda: one.dropped)
    receiver.open.set()
    one.put(call(1))  # which finds out that the pipe has ended, or is written to the new child
    one.put(call(2))
    until(lambda: one.sent + sum(one.dropped.values()) == 3)
    assert set(one.dropped) == {"child ended"}
    assert one.sent >= 1
    assert receiver.ids[-1] == "chatcmpl-2"


def test_a_gateway_that_is_away_holds_up_the_end_for_no_longer_than_was_set(feed: Callable[..., Feed]) -> None:
    one = feed(endpoint="http://127.0.0.1:9", flush_s=0.5)
    for n in range(3):
        one.put(call(n))
    one.close()
    assert one.sent == 0
    assert sum(one.dropped.values()) == 3


def script(receiver: Receiver, body: str) -> "subprocess.CompletedProcess[str]":
    """A program of its own that feeds; `feed` and `call` are there."""
    head = (
        "import os, sys\nfrom detector.callback import settings\nfrom detector.callback.feed import Feed\n"
        "from tests.unit.test_callback_feed import call, until\nfeed = Feed(settings.read(os.environ))\n"
    )
    environment = {**os.environ, "DETECTOR_CALLBACK_ENDPOINT": receiver.url, "DETECTOR_CALLBACK_FLUSH_S": "20"}
    environment["NUMBA_DISABLE_JIT"] = "1"
    return subprocess.run(
        [sys.executable, "-c", head + body], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )


def test_processes_that_were_forked_feed_by_children_of_their_own(receiver: Receiver) -> None:
    body = (
        "feed.put(call(0))\nuntil(lambda: feed.sent == 1)\n"
        "if os.fork() == 0:\n    feed.put(call(1)); feed.close()\n    print(feed.taken, feed.sent); os._exit(0)\n"
        "os.wait()\nfeed.put(call(2)); feed.close()\nprint(feed.taken, feed.sent)\n"
    )
    ended = script(receiver, body)
    assert ended.stdout.split("\n")[:2] == ["1 1", "2 2"], ended.stderr
    assert sorted(receiver.ids) == ["chatcmpl-0", "chatcmpl-1", "chatcmpl-2"]


def test_what_was_handed_over_is_sent_though_the_proxy_is_killed(receiver: Receiver) -> None:
    body = "feed.put(call(0))\nuntil(lambda: feed._child and not feed._waiting)\nos.kill(os.getpid(), 9)\n"
    assert script(receiver, body).returncode == -signal.SIGKILL
    until(lambda: receiver.ids == ["chatcmpl-0"])


BLOCK = (
    "import sys, runpy\n"
    "class Light:\n"
    "    def find_spec(self, name, path=None, target=None):\n"
    "        top = name.partition('.')[0]\n"
    "        if top not in sys.stdlib_module_names and top not in {names!r}:\n"
    "            raise ModuleNotFoundError(name)\n"
    "sys.meta_path.insert(0, Light())\n"
)


def test_the_child_needs_little_and_tells_the_same_without_numba(
    feed: Callable[..., Feed], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"at 2026-11-29T04:12:03Z request id=7f3a91c2e4 took 812 ms in /tmp/tmpab12/x: {'3 of 9 failed. ' * 300}"
    message = made.asks(("t1", "run", {"cmd": text}), content=None)
    calls = [
        call(0, messages=[made.answers("t0", text)], response=made.answered(message)),
        call(1, response=made.answered({"role": "assistant", "content": text})),
    ]
    one = feed()
    monkeypatch.delenv("NUMBA_DISABLE_JIT")
    for each in calls:
        one.put(each)
    one.close()
    with_numba, receiver.taken = receiver.taken, []
    frames = b"".join(len(each).to_bytes(4, "big") + each for each in calls)
    body = BLOCK.format(names=LIGHT) + "runpy.run_module('detector.callback', run_name='__main__')\n"
    ended = subprocess.run([sys.executable, "-c", body], input=frames, capture_output=True, cwd=ROOT, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert sum(json.loads(line).get("sent", 0) for line in ended.stdout.splitlines()) == 2
    assert receiver.taken == with_numba
    assert len(with_numba) == 3


def test_what_runs_in_the_proxy_needs_msgspec_alone() -> None:
    names = {"msgspec", "detector"}
    body = BLOCK.format(names=names) + "import detector.callback.feed, detector.callback.picking\n"
    assert subprocess.run([sys.executable, "-c", body], cwd=ROOT, timeout=60).returncode == 0
