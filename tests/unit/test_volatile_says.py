"""Whether a text says that it failed or that a limit was hit."""

import pytest

from detector.enrich.volatile import fingerprints
from detector.enrich.volatile_says import FAILED, RATE_LIMITED


def says(text: str) -> int:
    return fingerprints(text.encode())[2]


@pytest.mark.parametrize(
    "text",
    [
        "Error: it broke",
        "ValueError: invalid literal",
        "java.lang.NullPointerException",
        "E_FAILED",
        "urllib.error.HTTPError: Bad Gateway",
        "OSError: [Errno 28]",
        "FATAL: password authentication",
        "Traceback (most recent call last):",
        "permission denied",
        "connect ECONNREFUSED: connection refused",
        "thread 'main' panicked: panic at x",
        "cannot open the file",
        "You can't do that",
        "I was unable to find it",
        "the request timed out",
        "Timeout",
        "it did not work",
        "not ok 3 - parses",
        "3 failed, 12 passed",
        "Tests run: 12, Failures: 3, Errors: 0",
        '{"error": "bad request"}',
        '{"isError": true, "message": "x"}',
        "10 errors",
        "no tests ran, 1 error",
        "Error: no such table",
        "test_a FAILED",
        "1\nERROR\n",
        "the command ended with exit code 1",
        "exit status: 127",
        "Process exited with code -1 after it crashed",
    ],
)
def test_a_text_says_that_something_failed(text: str) -> None:
    assert says(text) & FAILED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "all is well",
        "user not found",
        "no such key",
        "the file does not exist",
        "12 passed, 0 failed",
        "no errors",
        "No errors found",
        "0 errors, 0 warnings",
        "it ran without errors",
        "finished without any error",
        '{"error": null, "ok": true}',
        '{"errors": [], "ok": true}',
        '{"error": "", "ok": true}',
        '{"isError": false, "ok": true}',
        r"{\"error\": null}",
        "{'error': None}",
        "failed=0 changed=3",
        "Tests run: 12, Failures: 0, Errors: 0",
        "the failover is ready",
        "terrors of the deep",
        "errors.py was written",
        "no tests failed",
        "fault-tolerant and error-free",
        "Japan and its companies",
        "the command ended with exit code 0",
        "exit status: 0",
    ],
)
def test_a_text_does_not_say_that_something_failed(text: str) -> None:
    assert not says(text) & FAILED


def test_a_failure_is_seen_at_both_ends_of_a_long_text_only() -> None:
    filler = "words and words " * 2000
    assert says("error: x " + filler) & FAILED
    assert says(filler + " error") & FAILED
    assert not says(filler + " error " + filler) & FAILED


@pytest.mark.parametrize(
    "text",
    [
        "Rate limit reached for gpt-4o",
        "rate-limited",
        "rate_limit_exceeded",
        "openai.RateLimitError: slow down",
        "HTTP 429 Too Many Requests",
        "429",
        "status: 429",
        '{"code": 429}',
        "Error 429",
        "Quota exceeded for project",
        "Request was throttled",
        "Overloaded",
        "RESOURCE_EXHAUSTED",
        "botocore.errorfactory.TooManyRequestsException",
        "An error occurred (SlowDown) when calling PutObject",
        "<Code>SlowDown</Code>",
        "Please reduce your request rate.",
        "ProvisionedThroughputExceededException",
        "limited to 20 requests per minute",
        "Claude usage limit reached.",
        "You exceeded your current quota, please check your plan",
        "Retry-After: 30",
        "Zu viele Anfragen",
    ],
)
def test_a_short_text_says_that_a_rate_limit_was_hit(text: str) -> None:
    assert bool(says(text) & RATE_LIMITED) == (text != "429")
    assert not says(text + " and so on" * 80) & RATE_LIMITED


def test_429_of_something_else_is_no_rate_limit() -> None:
    assert not says("429 rows in the table") & RATE_LIMITED
    assert not says("status: 4290") & RATE_LIMITED


@pytest.mark.parametrize(
    "text",
    ["a slowdown of the tests", "requests took a minute", "retry after lunch", "viele Anfragen", "within the quota"],
)
def test_words_of_rate_limits_in_another_sense_say_none(text: str) -> None:
    assert not says(text) & RATE_LIMITED
