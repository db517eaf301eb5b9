"""Texts that say the same have the same fingerprint, whatever the clock, ids and counters say; no others do."""

import pytest

from detector.enrich.volatile import fingerprints
from detector.enrich.volatile_says import FAILED


def both(text: str | bytes) -> tuple[int, int]:
    return fingerprints(text.encode() if isinstance(text, str) else text)[:2]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # dates and times
        ("Backup of 2026-11-22 is complete", "Backup of 2026-11-23 is complete"),
        ("Backup of 22/11/2026 is complete", "Backup of 1/2/2027 is complete"),
        ("Sicherung vom 22.11.2026 ist fertig", "Sicherung vom 3.1.2027 ist fertig"),
        ("at 2026-11-22T15:44:08Z it broke", "at 2026-11-23T05:04:58Z it broke"),
        ("at 2026-11-22T15:44:08.123456+01:00 it broke", "at 2026-11-23T05:04:58.9+0100 it broke"),
        ("2026-11-22 15:44:08,123 ERROR disk full", "2027-01-02 03:04:05,999 ERROR disk full"),
        ("[2026-11-22 15:44:08 +0000] [INFO] up", "[2026-11-22 15:44:09 +0000] [INFO] up"),
        ("[15:44:08] build started", "[07:01:59] build started"),
        ("It is 15:44 now", "It is 08:10 now"),
        ("Call me at 3:05 PM please", "Call me at 11:45 am please"),
        ("20261122T154408Z snapshot taken", "20270103T000001Z snapshot taken"),
        ("backup-20261122-154408.tar written", "backup-20270103-000001.tar written"),
        ("log/2026-11-22_15-44-08.txt written", "log/2026-11-23_05-04-58.txt written"),
        ("Date: Sun, 22 Nov 2026 15:44:08 GMT", "Date: Mon, 1 Dec 2026 05:04:58 GMT"),
        ("Sun Nov 22 15:44:08 2026 up", "Mon Dec  1 05:04:58 2027 up"),
        ("Nov 22 15:44:08 host sshd: gone", "Dec  1 05:04:58 host sshd: gone"),
        (
            '127.0.0.1 - - [22/Nov/2026:15:44:08 +0000] "GET / HTTP/1.1"',
            '10.1.2.3 - - [01/Dec/2026:05:04:58 +0000] "GET / HTTP/1.1"',
        ),
        ("drwxr-xr-x 2 me me 4096 Nov 22 15:44 src", "drwxr-xr-x 2 me me 4096 Dec  1  2025 src"),
        (r'{"log": "a\n2026-11-22 15:44:08 ERROR b"}', r'{"log": "a\n2026-11-23 05:04:58 ERROR b"}'),
        ("wrote report_20261122_154408.csv", "wrote report_20270103_000001.csv"),
        ("wrote the whole of report_1763826248.csv", "wrote the whole of report_1763826249.csv"),
        # durations
        ("Finished in 0.42s", "Finished in 12.7s"),
        ("took 17 ms in all", "took 1.2 s in all"),
        ("took 17ms in all", "took 2 minutes in all"),
        ("took 5µs in all", "took 900 ns in all"),
        ("real 1m30s user", "real 0m1.234s user"),
        ("waited 1 min 30 s for it", "waited 3 hours for it"),
        ("elapsed 00:01:22 so far", "elapsed 01:13:02 so far"),
        ("elapsed 0:00:01.5 so far", "elapsed 0:10:07.25 so far"),
        ("done in 1,234 ms today", "done in 7 ms today"),
        ("3 Minutes later", "4 Seconds later"),
        ("Fertig (Dauer: 1,23 Sek.)", "Fertig (Dauer: 12,7 Sek.)"),
        ("Abbruch nach 3 Minuten Wartezeit", "Abbruch nach 1,5 Stunden Wartezeit"),
        ("the last backup was 3 days ago", "the last backup was 2 weeks ago"),
        ("web   0/1   CrashLoopBackOff   0   3m", "web   0/1   CrashLoopBackOff   0   5d2h"),
        ("web   0/1   CrashLoopBackOff   0   45s", "web   0/1   CrashLoopBackOff   0   5d\n"),
        ("the pod has restarted (5d ago) again", "the pod has restarted (2h ago) again"),
        # ids
        ("the session sess-vwifcfvnem1o has expired", "the session sess-dd23vxaemzgv has expired"),
        ("error in request req_BOUTpStBqHtJvaYA7uby", "error in request req_9x1CSHoEeqs5C35K2UUq"),
        ("job 01ARZ3NDEKTSV4RRFFQ69G5FAV was lost", "job 01J9ZQKXH2M4T6V8W0Y1B3D5F7 was lost"),
        (
            "An error occurred. RequestId: 3fa85f64-5717-4562-b3fc-2c963f66afa6",
            "An error occurred. RequestId: 0a1b2c3d-5717-4562-b3fc-2c963f66afa6",
        ),
        ("pod web-5d4f8c7b9-x2k4p is pending", "pod web-6b7c9d8f4-qjzwp is pending"),
        ("pod web-nhcbjbh2z-qknx9 is pending", "pod web-zz9rsnrkf-4qhvw is pending"),
        ("object 3fa85f64-5717-4562-b3fc-2c963f66afa6 gone", "object 12345678-1234-1234-1234-123456789012 gone"),
        ("file_3fa85f64-5717-4562-b3fc-2c963f66afa6.json", "file_0a1b2c3d-5717-4562-b3fc-2c963f66afa6.json"),
        ("commit 4f2a9c1d8e7b6a5f4c3d2e1f0a9b8c7d6e5f4a3b ok", "commit 0f2a9c1d8e7b6a5f4c3d2e1f0a9b8c7d6e5f4a3c ok"),
        ("at 0x7ffe12ab in main", "at 0x1f00c in main"),
        ("<object Foo at 0x7f01c0de>", "<object Foo at 0x55d0beef1234>"),
        ("request id req_011CSHoEeqs5C35K2UUqR7Fy", "request id req_9x1CSHoEeqs5C35K2UUqR7Zz"),
        ('{"id": "chatcmpl-9xYzA1b2C3d4", "object": "chat"}', '{"id": "chatcmpl-8aBcD4e5F6g7", "object": "chat"}'),
        ("call_abc123def456ghi789 was refused", "call_zzz987yyy654xxx321 was refused"),
        ("the clock says 1763826248 seconds since then", "the clock says 1763826251 seconds since then"),
        ("the clock says 1763826248.123 since the epoch", "the clock says 1763826251.9 since the epoch"),
        (
            "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.x1y2z3a4b5c6d7e8f9g0 is bad",
            "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI5ODc2NTQzMjEwIn0.q9w8e7r6t5y4u3i2o1p0 is bad",
        ),
        # addresses
        ("connect to 10.0.0.5:8080 refused", "connect to 192.168.17.254:54321 refused"),
        ("connect to [::1]:8080 refused", "connect to [2001:db8::7]:54321 refused"),
        ("peer fe80::1ff:fe23:4567:890a left", "peer 2001:db8:0:0:0:0:2:1 left"),
        ("listening on localhost:54321", "listening on localhost:39999"),
        ("GET http://db.internal:8080/x", "GET http://db.internal:9090/x"),
        # temporary paths
        ("no such file /tmp/tmpab12cd/out.txt", "no such file /tmp/tmpzz98yx/out.txt"),
        ("wrote /tmp/pytest-of-me/pytest-12/test_a0/log", "wrote /tmp/pytest-of-me/pytest-13/test_a1/log"),
        ("wrote /var/folders/zz/zyxvpxvq6csfx0000gn/T/tmpabc", "wrote /var/folders/ab/qqqvpxvq6csfx0000gn/T/tmpxyz"),
        ("wrote /tmp/report-AbC123.html", "wrote /tmp/report-xYzWvU.html"),
        (r"wrote C:\Users\me\AppData\Local\Temp\x12\out", r"wrote C:\Users\me\AppData\Local\Temp\y77\out"),
        # counters
        ("Attempt 3 of 10 failed", "Attempt 4 of 10 failed"),
        ("attempt 3 of 10", "attempt 4 of 12"),
        ("Retry #4: connection reset", "Retry #5: connection reset"),
        ("retrying (attempt 2/5) after a failure", "retrying (attempt 3/5) after a failure"),
        ("Iteration: 12, no improvement", "Iteration: 13, no improvement"),
        ("gave up after 3 attempts to connect", "gave up after 7 attempts to connect"),
        ("I tried it 3 times without luck", "I tried it 4 times without luck"),
        ("worker-17 lost its connection", "worker-3 lost its connection"),
        ("Process 4711 exited with an error", "Process 12 exited with an error"),
        ("[pid 4711] killed by the kernel", "[pid 4712] killed by the kernel"),
        ("session=7f3a expired for the user", "session=1b22 expired for the user"),
        ('{"responseTime": 17, "path": "/health"}', '{"responseTime": 19, "path": "/health"}'),
        ('{"elapsed_seconds": 1.7, "path": "/health"}', '{"elapsed_seconds": 1.9, "path": "/health"}'),
        ("64 bytes from host: icmp_seq=5 ttl=64 time=0.043 ms", "64 bytes from host: icmp_seq=6 ttl=64 time=0.051 ms"),
        ("job_17 was cancelled by someone", "job_18 was cancelled by someone"),
        ('{"request_id": 4711, "error": "overloaded"}', '{"request_id": 4712, "error": "overloaded"}'),
        ('{"attempt": 3, "error": "overloaded"}', '{"attempt": 4, "error": "overloaded"}'),
        ('{"elapsed_ms": 17, "status": "failed"}', '{"elapsed_ms": 1999, "status": "failed"}'),
        ('{"duration": 0.42, "status": "failed"}', '{"duration": 17.5, "status": "failed"}'),
        ('{"timestamp": 1763826248, "status": "failed"}', '{"timestamp": 1763826249, "status": "failed"}'),
        ('{"createdAt": 176382, "status": "failed"}', '{"createdAt": 176399, "status": "failed"}'),
        (r'"{\"request_id\": 4711, \"status\": \"failed\"}"', r'"{\"request_id\": 4712, \"status\": \"failed\"}"'),
        ("{'retry_count': 3, 'status': 'failed'}", "{'retry_count': 4, 'status': 'failed'}"),
        ("level=warn msg=retry took=17 path=/health", "level=warn msg=retry took=9 path=/health"),
        ("Sep 21 14:13:20 host sshd[1037]: error: no key", "Oct  3 04:13:02 host sshd[22914]: error: no key"),
        ("This is the 4th attempt", "This is the 22nd attempt"),
        ("the second attempt to connect failed", "the 3rd attempt to connect failed"),
        ("this was my second try, and it failed", "this was my third try, and it failed"),
        ("Attempt one of twelve", "Attempt 2 of 12"),
        ("Attempt IV has failed too", "Attempt VI has failed too"),
        # white space and escapes
        ("  a  b\t\tc\r\nd \n", "a b c d"),
        ("\x1b[1;31merror:\x1b[0m bad \x1b]8;;http://x\x07link\x1b]8;;\x07", "error: bad link"),
        ("\x1b[32mattempt\x1b[0m \x1b[1m3\x1b[0m failed", "attempt 4 failed"),
    ],
)
def test_what_is_volatile_by_form_or_name_counts_in_neither(a: str, b: str) -> None:
    assert both(a) == both(b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("The archive holds 42 pictures of the old house", "The archive holds 43 pictures of the old house"),
        ("I looked at 1,204 letters (17) and read them all.", "I looked at 980 letters (3) and read them all."),
        ("[3/10] could not connect", "[4/10] could not connect"),
        ("[4711] worker stopped", "[22914] worker stopped"),
        ("2026-11-22 15:44:08 [4711] worker stopped", "2026-11-22 15:44:09 [4712] worker stopped"),
        ("Sep 21 14:13:20 host cron[1037] started it", "Sep 21 14:13:20 host cron[1038] started it"),
        (
            "Someone was here in 2024, and nobody came after that",
            "Someone was here in 2025, and nobody came after that",
        ),
    ],
)
def test_bare_numbers_in_prose_count_in_the_strict_one_only(a: str, b: str) -> None:
    assert both(a)[0] == both(b)[0]
    assert both(a)[1] != both(b)[1]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # results
        ("42", "43"),
        ("3.14159", "3.14160"),
        ("1763826248", "1763826249"),
        ("The result is 1234567890", "The result is 1234567891"),
        ('{"result": 12}', '{"result": 13}'),
        ('{"count": 3}', '{"count": 4}'),
        ("2 + 2 = 4", "2 + 2 = 5"),
        ("The mean of all of the values in this list is 3.14", "The mean of all of the values in this list is 3.15"),
        ("-5 degrees on the old thermometer outside", "-6 degrees on the old thermometer outside"),
        # progress
        ("3 failed, 12 passed in 0.42s", "4 failed, 11 passed in 0.42s"),
        ("The long download of the archive: 12 % done", "The long download of the archive: 24 % done"),
        ("The long download of the archive is at 12% now", "The long download of the archive is at 24% now"),
        ("read page 2 of the listing of all customers", "read page 3 of the listing of all customers"),
        ("wrote 3 of 10 chapters of the book so far", "wrote 4 of 10 chapters of the book so far"),
        ("wrote 3/10 chapters of the book so far", "wrote 4/10 chapters of the book so far"),
        ("wrote 3 out of 10 chapters of the book so far", "wrote 4 out of 10 chapters of the book so far"),
        ("Found 3 matches in the whole of the repository", "Found 4 matches in the whole of the repository"),
        ('{"status": "running", "progress": 12}', '{"status": "running", "progress": 13}'),
        ("Tests run: 12, Failures: 3, Errors: 0", "Tests run: 12, Failures: 2, Errors: 0"),
        ("Now run 5 tests of the module at once", "Now run 6 tests of the module at once"),
        ("there are still 5 errors in the module", "there are still 4 errors in the module"),
        ("error_count: 12 in the last of all runs", "error_count: 11 in the last of all runs"),
        # prices, versions, places
        ("The ticket to the old town costs $12.50 today", "The ticket to the old town costs $13.50 today"),
        ("The ticket to the old town costs 12 USD today", "The ticket to the old town costs 13 USD today"),
        ("The ticket to the old town costs €12 today", "The ticket to the old town costs €13 today"),
        ("installed the package in version 1.2.3 now", "installed the package in version 1.2.4 now"),
        ("installed the package numpy-2.1 just now", "installed the package numpy-2.2 just now"),
        ('  File "/app/main.py", line 12, in main', '  File "/app/main.py", line 13, in main'),
        ("main.c:12:34: error: expected a semicolon", "main.c:13:35: error: expected a semicolon"),
        ("  12:34  error  'x' is not defined", "  15:10  error  'x' is not defined"),
        ("can't decode byte 0xa9 of the old file", "can't decode byte 0xc2 of the old file"),
        ("a flight on May 20 would suit me best", "a flight on May 21 would suit me best"),
        ("class UnstableOn32BitMixin is abstract", "class UnstableOn64BitMixin is abstract"),
        ("drwxr-xr-x 2 me me 4096 Nov 22 15:44 src", "drwxr-xr-x 2 me me 8192 Nov 22 15:44 src"),
        ("-rw-r--r-- 1 me me 8 Nov 22 15:44 notes", "-rw-r--r-- 1 me me 9 Nov 22 15:44 notes"),
        ("the server said HTTP 404 about this page", "the server said HTTP 500 about this page"),
        ("the command ended with exit code 1 at once", "the command ended with exit code 2 at once"),
        ("values[10:20] of the array were all empty", "values[20:30] of the array were all empty"),
        ("sophia_martin_4574 has no reservations", "sophia_martin_4575 has no reservations"),
        ("tests/test_case_12_returns_none.py is missing", "tests/test_case_13_returns_none.py is missing"),
        ("model claude-sonnet-4-5-20250929 is not known", "model claude-sonnet-4-6-20250929 is not known"),
        ("flight HAT123 to the old town is delayed", "flight HAT124 to the old town is delayed"),
        ("issue #12 has been closed by its author", "issue #13 has been closed by its author"),
        ("x = 42 is what the assignment now reads", "x = 43 is what the assignment now reads"),
        ("Dec::a1 and other names of this language", "Dec::a2 and other names of this language"),
        ("items[12]: the value is not a string", "items[13]: the value is not a string"),
        ("items[1200] = compute(the, next, value)", "items[1300] = compute(the, next, value)"),
        ("[3] passed, and the others were skipped", "[4] passed, and the others were skipped"),
        ("see the notes on page [12] of the book", "see the notes on page [13] of the book"),
        ("the 4th chapter of the book is missing", "the 5th chapter of the book is missing"),
        ("the second entry of the list is missing", "the third entry of the list is missing"),
        ("please try one of these pears for lunch", "please try two of these pears for lunch"),
        ("Attempt X failed for reasons unknown", "Attempt Y failed for reasons unknown"),
        ("the pod web-5d4f8c7b9-stage is pending", "the pod web-5d4f8c7b9-tests is pending"),
        ("the folder my-database1-tests is missing", "the folder my-database2-tests is missing"),
        ("worker-Http2ServerHandler has been lost", "worker-Http3ServerHandler has been lost"),
        ("wrote /tmp/report-summary.html to disk", "wrote /tmp/report-details.html to disk"),
        ("the array is a 2d array of the values", "the array is a 3d array of the values"),
        ("the point is at 1,23 on the longest axis", "the point is at 1,24 on the longest axis"),
        # tables and lists
        ("1. apples\n2. pears\n3. plums\n4. grapes and more", "1. apples\n2. pears\n3. plums\n5. grapes and more"),
        (
            "12 main.py\n40 util.py\n52 total and nothing else here",
            "12 main.py\n41 util.py\n53 total and nothing else here",
        ),
        ("apples 3 4 5\npears 6 7 8\nplums 1 2 3", "apples 3 4 5\npears 6 7 9\nplums 1 2 3"),
        ("np.array((1, 0, 0)) is the axis that it returned", "np.array((1, 0, 1)) is the axis that it returned"),
        ("buggy lines of the program: [67, 68, 69]", "buggy lines of the program: [67, 68, 70]"),
        ("  61\ttry:\n  62\t    return import_module(name)", "  63\ttry:\n  64\t    return import_module(name)"),
        ("(1, 2), (3, 4) are the coordinates of it", "(1, 2), (3, 5) are the coordinates of it"),
        # SQL
        ("SELECT name FROM users LIMIT 10 OFFSET 20", "SELECT name FROM users LIMIT 10 OFFSET 30"),
        ("(12 rows affected by this statement)", "(13 rows affected by this statement)"),
        # words
        ("the dog bites the man", "the man bites the dog"),
        ("File not found: a.txt", "File not found: b.txt"),
        ("Case matters", "case matters"),
        ("ab", "a b"),
        ("", "x"),
    ],
)
def test_what_may_be_content_counts_in_both(a: str, b: str) -> None:
    assert both(a)[0] != both(b)[0]
    assert both(a)[1] != both(b)[1]


def test_counts_of_tests_differ_strictly_when_only_the_duration_may_not() -> None:
    assert both("3 failed, 12 passed in 0.42s")[1] != both("2 failed, 13 passed in 0.51s")[1]


TRACE = """Traceback (most recent call last):
  File "/app/run.py", line 12, in main
    connect(<socket at {address}>)
  File "/tmp/{folder}/lib.py", line 40, in connect
TimeoutError: [{stamp}] request {number} to {host} timed out after {took} (attempt {attempt} of 5)
"""


def test_a_stack_trace_is_the_same_the_next_time() -> None:
    first = TRACE.format(
        address="0x7f01c0de",
        folder="tmpab12",
        stamp="2026-11-22 15:44:08",
        number="req_011CSHoEeqs5C35K2UUqR7Fy",
        host="10.0.0.5:5432",
        took="30.1 s",
        attempt=1,
    )
    second = TRACE.format(
        address="0x55aa77c0",
        folder="tmpzz9",
        stamp="2026-11-22 15:45:10",
        number="req_9x1CSHoEeqs5C35K2UUqR7Zz",
        host="10.0.0.6:5432",
        took="30 s",
        attempt=2,
    )
    assert both(first) == both(second)
    assert both(first)[1] != both(first.replace("line 40", "line 41"))[1]
    assert fingerprints(first.encode())[2] == FAILED
