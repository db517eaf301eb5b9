"""What `detector replay` says at its end: of prices that are not there, of what was spent on what, and of loops."""

from pathlib import Path
from typing import Any

from tests.support.judged import call, tool
from tests.unit.test_replay import replayed, write


def unpriced(t: float, model: str, **fields: Any) -> dict[str, Any]:
    return call(t, model=model, cost_usd=None, **fields)


def last_lines(tmp_path: Path, *events: Any) -> list[str]:
    """What is said of prices on standard error: between the sums and the table."""
    lines = replayed(write(tmp_path / "calls", list(events)), "--alerts", "/dev/null").stderr.splitlines()
    assert "events" in lines[0]
    assert " for $" in lines[1]
    table = next(n for n, line in enumerate(lines) if line.split()[:2] == ["agent", "model"])
    return lines[2:table]


def test_models_without_a_price_are_told_with_their_calls_the_most_first(tmp_path: Path) -> None:
    events = [unpriced(float(n), "bar" if n % 6 == 5 else "foo-1") for n in range(12)]
    events += [unpriced(12.0, "gpt-5-mini"), call(13.0, model="told"), unpriced(14.0, "no-counts", usage={})]
    assert last_lines(tmp_path, *events, events[0]) == ["12 calls of 2 models have no price: foo-1 (10), bar (2)"]


def test_a_single_one_is_told_as_such(tmp_path: Path) -> None:
    assert last_lines(tmp_path, unpriced(0.0, "foo")) == ["1 call of 1 model has no price: foo (1)"]


def test_of_many_models_those_with_the_most_calls_are_named(tmp_path: Path) -> None:
    events = [unpriced(float(n), f"m{n % 12}") for n in range(35)]
    (line,) = last_lines(tmp_path, *events)
    assert line.startswith("35 calls of 12 models have no price: m0 (3), m1 (3), ")
    assert line.endswith(" (3) and 2 more")


def test_calls_of_a_service_tier_without_a_price_are_told(tmp_path: Path) -> None:
    events = [unpriced(float(n), "gpt-5-mini", service_tier="turbo" if n else "standard") for n in range(3)]
    assert last_lines(tmp_path, *events) == ["2 calls priced as standard, for want of a price of the service tier"]


def test_where_all_has_a_price_nothing_more_is_said(tmp_path: Path) -> None:
    assert last_lines(tmp_path, unpriced(0.0, "gpt-5-mini"), call(1.0)) == []


def summary(tmp_path: Path, *events: Any) -> list[str]:
    return replayed(write(tmp_path / "calls", list(events)), "--alerts", "/dev/null").stderr.splitlines()


def test_calls_runs_and_dollars_are_told_with_the_time_that_they_span(tmp_path: Path) -> None:
    events = [call(n * 60.0, run=f"r{n % 3}", cost_usd=0.25) for n in range(8)]
    events.append(call(480.0, run="r0", cost_usd=None, usage={}))
    _, spent, *_ = summary(tmp_path, *events, events[0])
    assert spent == (
        "9 calls of 3 runs for $2.00, 21 Sep 14:13 UTC to 21 Sep 14:21 UTC; "
        "1 call without usage, whose dollars nobody tells"
    )


def test_agents_and_models_are_told_the_dearest_first_and_beyond_ten_as_one(tmp_path: Path) -> None:
    events = [
        call(float(n), agent=f"a{n % 12:02}", model="m", cost_usd=1.0 + n % 12, usage={"input_tokens": 1_500_000})
        for n in range(24)
    ]
    lines = summary(tmp_path, *events)
    table = [line.split() for line in lines if " m " in line or "more" in line]
    assert [(row[0], *row[2:4]) for row in table[:2]] == [("a11", "2", "24.00"), ("a10", "2", "22.00")]
    assert len(table) == 11
    assert table[0][4:6] == ["3.0", "M"]
    assert table[-1][:4] == ["2", "more", "4", "6.00"]


def test_a_name_does_nothing_to_a_terminal(tmp_path: Path) -> None:
    lines = summary(tmp_path, call(0.0, agent="\x1b[31mred", model="m" * 300))
    assert not any("\x1b" in line or len(line) > 200 for line in lines)


def test_loops_are_told_in_words_the_dearest_first_and_each_once(tmp_path: Path) -> None:
    def loop(run: str, rounds: int, usd: float) -> list[Any]:
        return [
            call(n * 20.0, run=run, tools=tool("read", result="same", path="/a"), cost_usd=usd) for n in range(rounds)
        ]

    calls = [e for n in range(12) for e in loop(f"r{n}", 8, 0.01 * (n + 1))]
    lines = summary(tmp_path, *sorted(calls, key=lambda e: e["time"]))
    at = lines.index("12 loops, the dearest first:")
    assert len(lines) == at + 12
    assert "in run r11: 8 calls burnt $0.96" in lines[at + 1]
    assert "in run r2: 8 calls" in lines[at + 10]
    assert lines[-1] == "  and 2 more"
