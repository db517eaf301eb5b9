"""`python -m tests.bench.pages [OPEN…]`: what pages cost with so many open episodes, and what an open one holds.

CPU milliseconds of a request (all stages of the worker stand still for as long), memory meanwhile and the size of the
answer, side by side for 100 and 10,000 open episodes of 50 teams, with twice as many that ended. Each is a loop or a
spike with the longest record that usual names give: 24 steps, 47 minutes, 50 ids of calls, 32 marks.
Beside them 2,000 tasks spend in each minute of an hour. One process, no broker; whoever asks sees all teams.
"""

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import NamedTuple

import msgspec
import numpy as np

from detector.alerts.episodes import Episode, EpisodeBook
from detector.config import Config, Web
from detector.enrich.identity import subject_hash
from detector.incidents.book import IncidentBook
from detector.incidents.live import Live
from detector.incidents.spend import Spend
from detector.incidents.view import EVERY, Wanted
from detector.model.alert import MAX_MARKS, Alert, Mark, Severity, decode_alert, encode_alert
from detector.model.rollup import FORMAT, ROLL, SPENT, Party, Rollup, Sheet
from detector.policy.scope import TEAMS
from detector.rules.finding import Standing
from detector.web.pages import incident, listing, overview, tasks
from detector.web.pages.onward import onward
from tests.support.judged import T0, judge, last, status, steps, tool
from tests.support.shown import ShownTasks, spike, task

OPEN = (100, 10_000)
_TEAMS, _TASKS, _ENDED, _ROUNDS = 50, 2_000, 2, 5
_NOW_S = T0 + 7200.0
_SEVERITIES: tuple[Severity, ...] = ("critical", *("warning",) * 3, *("info",) * 6)
"""Of ten episodes one is a page."""


class Request(NamedTuple):
    """CPU milliseconds, the median; MB of memory meanwhile at most; kB of the answer."""

    cpu_ms: float
    peak_mb: float
    answer_kb: float


class Found(NamedTuple):
    """By what is asked for; microseconds of CPU to take a record, milliseconds to flag anew; bytes of an open episode.

    `in_pages`, `in_its_stage`: what it holds in memory there, in the stage that judges it.
    """

    requests: Mapping[str, Request]
    take_us: float
    settle_ms: float
    record: float
    in_pages: float
    in_its_stage: float


def long_loop() -> Alert:
    """The last open record of a loop that went on for more than an hour."""
    round_of = [
        tool("read_file", "def total(): ...", path="billing/invoice.py"),
        tool("edit_file", "1 file changed", path="billing/invoice.py", old="0.1", new="0.10"),
        tool("run_tests", error="test_total: expected 10.00, got 10.01", command="pytest billing"),
    ]
    of_one = {"run": "fix/7", "task": "PAY-7", "agent": "invoice-fixer", "team": "payments", "cost_usd": 0.42}
    told = judge([status(-600.0, "PAY-7"), *steps(*round_of * 40, gap_s=60.0, **of_one)])
    return last([alert for alert in told if alert.state != "resolved"], "loop")[0]


def records(count: int) -> Iterator[Alert]:
    """So many open episodes: four of five are loops, one of five a spike."""
    loop, dear = long_loop(), spike()
    marks = [Mark(_NOW_S - 60.0 * (MAX_MARKS - n), "update", "warning", 1.5 * n) for n in range(MAX_MARKS)]
    for n in range(count):
        made, team = (dear if n % 5 == 4 else loop), f"team-{n % _TEAMS}"
        yield msgspec.structs.replace(
            made, id=f"{n:024x}", team=team, agent=f"agent-{n % 997}", task=f"PAY-{n}", group=f"{made.rule}:{team}",
            run=made.run and f"run-{n}", severity=_SEVERITIES[n % 10], cost_usd=1.0 + n / 7, state="update",
            opened_at=_NOW_S - 60.0 * (n % 300), updated_at=_NOW_S - n % 60, history=marks,
        )  # fmt: skip


def measure(count: int) -> Found:
    """Fills what pages read, and asks for each of them."""
    told = [encode_alert(alert) for alert in records(count)]
    stage = EpisodeBook(Config())
    in_its_stage = _kept(lambda: stage.restore(map(_checkpointed, range(count), told))) / count
    book = IncidentBook()
    in_pages = _kept(lambda: [book.take(value, _NOW_S) for value in told] and None) / count
    over = [encode_alert(_ended(alert, n)) for n in range(_ENDED) for alert in records(count)]
    began = time.process_time()
    for value in over:
        book.take(value, _NOW_S)
    take_us = (time.process_time() - began) / len(over) * 1e6
    live = Live(book, spent(), lambda: _NOW_S, lambda: 0)
    settle_ms = _cpu_ms(live.settle)
    requests = {name: _request(ask) for name, ask in _asks(live, count).items()}
    return Found(requests, take_us, settle_ms, sum(map(len, told)) / count, in_pages, in_its_stage)


def _ended(alert: Alert, n: int) -> Alert:
    at = alert.updated_at + 1.0 + n
    return msgspec.structs.replace(alert, id=f"{alert.id}-{n}", state="resolved", resolved_at=at, updated_at=at)


def _checkpointed(n: int, value: bytes) -> Episode:
    """The episode of a record, as it is read from a checkpoint."""
    alert = decode_alert(value)
    drawn = {name: alert.evidence[name] for name in ("moves", "steps", "usd_by_minute") if name in alert.evidence}
    now = Standing(T0, alert.cost_usd, alert.calls, alert.tokens, 119, alert.cost_usd, alert.tokens, alert.calls)
    of = (alert.rule, n, n, 3, alert, now, alert.updated_at, 60.0, alert.cost_usd, alert.evidence["calls"], drawn)
    return msgspec.msgpack.decode(msgspec.msgpack.encode(Episode(*of)), type=Episode)


def spent() -> Spend:
    """What was billed by the minute within an hour, up to now."""
    spend, minute = Spend(10_000, 60.0), int(_NOW_S // 60)
    parties = [
        Party(subject_hash("default", f"PAY-{n}", None), "default", f"team-{n % _TEAMS}", None, f"agent-{n % 997}",
              None, None, f"PAY-{n}", None, f"model-{n % 5}")
        for n in range(_TASKS)
    ]  # fmt: skip
    rows = np.zeros(_TASKS, ROLL)
    rows["kind"], rows["party"], rows["calls"], rows["usd"] = SPENT, np.arange(_TASKS), 3, 0.02
    rows["flagged_usd"] = np.where(np.arange(_TASKS) % 3 == 0, 0.02, 0.0)
    for at in range(minute - 60, minute):
        rows["first_t"] = at * 60.0
        sheet = Sheet(at, [""] * _TASKS, rows.tobytes(), 0)
        spend.take(0, Rollup(FORMAT, 0, 1, (at + 1) * 60.0, parties, [sheet]), (at + 1) * 60.0)
    return spend


def _asks(live: Live, count: int) -> dict[str, Callable[[], str | bytes]]:
    """The pages, as the web server makes them."""
    id, web, open_tasks = f"{count // 2:024x}", Web(), ShownTasks([task(task=f"PAY-{n}") for n in range(tasks.MOST)])

    def of_one() -> str:
        told = live.incident(TEAMS, id)
        assert told is not None
        return incident.page(told, live.related(TEAMS, id), onward(web, told.alert), TEAMS, _NOW_S)

    def record() -> bytes:
        told = live.incident(TEAMS, id)
        assert told is not None
        return incident.record(told, onward(web, told.alert))

    return {
        "overview": lambda: overview.page(live.overview(TEAMS), TEAMS),
        "incidents": lambda: listing.page(live.incidents(TEAMS), live.choices(TEAMS), EVERY, TEAMS, _NOW_S),
        "one incident": of_one,
        "its record": record,
        "open tasks": lambda: tasks.page(open_tasks.told, live.incidents(TEAMS, Wanted(open=True)), None, None, TEAMS),
    }


def _request(ask: Callable[[], str | bytes]) -> Request:
    answer = ask()
    size = len(answer.encode() if isinstance(answer, str) else answer)
    cpu_ms = _cpu_ms(ask)
    gc.collect()
    tracemalloc.start()
    ask()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return Request(cpu_ms, peak / 1e6, size / 1e3)


def _cpu_ms(what: Callable[[], object]) -> float:
    spent_s = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        what()
        spent_s.append(time.process_time() - began)
    return median(spent_s) * 1e3


def _kept(make: Callable[[], object]) -> float:
    """Bytes that stay of what is made."""
    gc.collect()
    tracemalloc.start()
    made = make()
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del made
    return float(size)


def tell(counts: Sequence[int], found: Sequence[Found]) -> Iterator[str]:
    """The figures, a column for each count."""
    yield _line("open episodes", (f"{count:,}" for count in counts))
    for name in found[0].requests:
        asked = [of.requests[name] for of in found]
        yield _line(f"{name}: CPU", (f"{of.cpu_ms:,.1f} ms" for of in asked))
        yield _line("  memory meanwhile", (f"{of.peak_mb:,.1f} MB" for of in asked))
        yield _line("  answer", (f"{of.answer_kb:,.0f} kB" for of in asked))
    yield _line("flagging anew: CPU", (f"{of.settle_ms:,.1f} ms" for of in found))
    yield _line("taking a record: CPU", (f"{of.take_us:,.0f} µs" for of in found))
    yield _line("an open episode: its record", (f"{of.record / 1e3:,.1f} kB" for of in found))
    yield _line("  kept by pages", (f"{of.in_pages / 1e3:,.1f} kB" for of in found))
    yield _line("  kept by its stage", (f"{of.in_its_stage / 1e3:,.1f} kB" for of in found))


def _line(name: str, figures: Iterable[str]) -> str:
    return f"{name:30}" + "".join(f"{figure:>14}" for figure in figures)


def main(*counts: int) -> None:
    """Measures and tells."""
    counts = counts or OPEN
    for line in tell(counts, [measure(count) for count in counts]):
        print(line)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
