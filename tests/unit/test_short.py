"""What short results say: waiting, rate limits and plain no, each told from what only mentions them."""

import pytest

from detector.enrich.short import flags_of
from detector.model import packed as pk


def waits(text: str) -> bool:
    return bool(flags_of(text.encode(), failed=False, limited=False) & pk.SAYS_WAIT)


@pytest.mark.parametrize(
    "text",
    [
        "running", "PENDING", "in_progress", "IN_QUEUE", "Job 4711 is still in progress.", '{"status":"running"}',
        '{"id": 7, "job_status": "queued", "eta_s": 40}', '{"state": "not ready"}', '{"done":false}',
        '{"ready": false}',
        '{"finished":false}', '{"complete":false,"progress":0.4}', "training", "compiling", "downloading 40%",
        "not complete", "not yet finished", "please wait", "Working on it", "202 Accepted", "ETA 5 minutes", "läuft",
        "wird verarbeitet", "status: building", "The build is running.", "still waiting", "job queued",
        "CREATE_IN_PROGRESS", "Waiting for runner", "active (running)", "queued: position 3", "unfinished",
    ],
)  # fmt: skip
def test_it_says_that_something_is_under_way(text: str) -> None:
    assert waits(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "ok", "server is running on port 8080", "usage: run [--pending] FILE", "Your pending orders: none",
        "The running total is 35.7 but it should be 40", "def running(self): return self.x",
        "def running(self): return self.state == RUNNING", "completed, was running",
        "nginx: process 7 exited with a signal while starting workers of the pool", "not done: see the log below. " * 9,
        '{"status":"completed","previous":"running"}', "done", "3 rows", "the same",
    ],
)  # fmt: skip
def test_it_only_mentions_it(text: str) -> None:
    assert not waits(text)
    assert flags_of(text.encode(), False, False) & pk.SAYS_OTHER


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("429 Too Many Requests: retry after 8 s", True), ("openai.RateLimitError: Error code: 429", True),
        ('{"error":{"code":429,"message":"Rate limit reached"}}', True), ("SlowDown: reduce your request rate", True),
        ("You exceeded your current quota, please check your plan and billing details", True),
        ("POST https://api.example.com/v1/chat: 429", True), ("src/limits.py:41: raise RateLimitError(429)", False),
        ("FAILED tests/unit/test_rate_limit_exceeded - assert 1 == 2", False), ("x" * 700 + " 429", False),
    ],
)  # fmt: skip
def test_a_rate_limit_is_told_from_code_about_one(text: str, expected: bool) -> None:
    assert bool(flags_of(text.encode(), failed=False, limited=True) & pk.RATE_LIMITED) == expected


@pytest.mark.parametrize(
    ("text", "failed"),
    [
        ('{"error":"not found"}', False), ('{"status_code":404,"error":"Not Found"}', False),
        ('{"error": "not_found"}', False), ("NotFoundError: no such key", False), ("error: unknown user", False),
        ("Error: the text to replace was not found in the file", True), ("KeyError: 'total'", True),
        ("error: command not found: makke", True), ("error", True),
    ],
)  # fmt: skip
def test_a_plain_no_is_an_answer(text: str, failed: bool) -> None:
    assert bool(flags_of(text.encode(), failed=True, limited=False) & pk.SAYS_FAILED) == failed
