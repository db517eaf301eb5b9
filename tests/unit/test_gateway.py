"""The gateway over HTTP: what is taken, what is refused with which words, and that 2xx means that Kafka has it."""

import asyncio
import gzip
import json
import threading
import time
import zlib
from typing import Any

import pytest
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse

from detector.config import load_config
from detector.config.sources import Format, Source
from detector.enrich.pseudonyms import Pseudonyms
from detector.errors import ConfigError, DeploymentError
from detector.gateway.taking import FORMATS, Taken, Taker
from detector.gateway.tokens import Tokens
from detector.sources import native
from detector.sources.reading import of_source
from tests.support import hooks
from tests.support.bodies import BODIES, LOGS, MARK, RESOURCE
from tests.support.otlp import NOW, Log, logs_json, logs_protobuf
from tests.support.posting import Gateway, listening
from tests.support.stages import until

PROTOBUF = {"Content-Type": "application/x-protobuf"}
CALL = {"id": "c1", "time": NOW, "run": "r1", "model": "m", "usage": {"input_tokens": 5}}
TOKENS = {"tokens": "acme 0123456789abcdef, acme fedcba9876543210\nother 00112233445566778899"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def parsed(kind: type[Message], body: bytes) -> Any:
    message = kind()
    message.ParseFromString(body)
    return message


def requests(gateway: Gateway, path: str, status: int) -> float | None:
    labels = {"path": path, "status": str(status)}
    return gateway.metrics.registry.get_sample_value("detector_gateway_requests_total", labels)


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
async def test_logs_become_native_events_in_kafka(encoding: str) -> None:
    body = (logs_protobuf if encoding == "protobuf" else logs_json)(LOGS, RESOURCE)
    async with listening() as gateway:
        answer = await gateway.post("/v1/logs", body, {"Content-Type": f"application/{encoding}"})
        assert (answer.status, answer.type) == (200, f"application/{'x-' * (encoding == 'protobuf')}{encoding}")
        assert answer.body == (b"" if encoding == "protobuf" else b"{}")
        calls = [event for event in gateway.calls if event["type"] == "call"]
        assert [call["source"] for call in calls] == ["codex", "gemini_cli", "claude_code"]
        assert {call["task"] for call in calls} == {"PAY-1"}
        assert "tool_call" in {event["type"] for event in gateway.calls}
        assert requests(gateway, "/v1/logs", 200) == 1


@pytest.mark.parametrize(
    ("path", "format"),
    [("/v1/traces", "otlp_spans"), ("/v1/litellm", "litellm"), ("/v1/logs", "otlp_logs")],
)
async def test_what_is_written_is_read_back_as_the_same_events(path: str, format: Format) -> None:
    told: list[Any] = []
    async with listening({"texts": True}, ingest={"refuse_past_s": 1e9}) as gateway:
        for body in BODIES[format]:
            assert (await gateway.post(path, body, PROTOBUF)).status == 200
            told += of_source(Source(topic="t", format=format))(body, ())
        written = [native.decode(record.value or b"", "any") for record in gateway.outbox.records]
    assert sorted(event.id for event in told) == sorted(event.id for record in written for event in record)
    assert all(event in told for record in written for event in record)


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/litellm", "/v1/logs"])
async def test_no_text_is_written_unless_that_is_configured(path: str) -> None:
    async with listening(ingest={"refuse_past_s": 1e9}) as gateway:
        for body in BODIES[FORMATS[path]]:
            assert MARK.encode() in body
            assert (await gateway.post(path, body, PROTOBUF)).status == 200
        assert gateway.outbox.records
        assert not [record for record in gateway.outbox.records if MARK.encode() in (record.value or b"")]


async def test_people_are_pseudonyms_before_they_are_written() -> None:
    key = {"pseudonym_key": "a key of some length"}
    async with listening(privacy=key) as gateway:
        assert (await gateway.post("/v1/events", CALL | {"user": "mara@acme.example"})).status == 200
        (call,) = gateway.calls
        assert call["user"] == Pseudonyms(b"a key of some length").of("default", "mara@acme.example")
        assert Pseudonyms.configured(gateway.config).of("default", call["user"]) == call["user"]


async def test_native_events_go_to_the_topic_of_their_kind() -> None:
    status = {"type": "status", "id": "s1", "time": NOW, "task": "T-1", "strength": "strong", "from": "a", "to": "b"}
    link = {"type": "link", "id": "l1", "time": NOW, "run": "r1", "task": "T-1"}
    async with listening() as gateway:
        answer = await gateway.post("/v1/events", [CALL, status, link])
        assert (answer.status, answer.told) == (200, {"accepted": 3})
        assert [event["id"] for event in gateway.calls] == ["c1"]
        assert [(event["id"], event["type"]) for event in gateway.statuses] == [("s1", "status"), ("l1", "link")]
        assert gateway.statuses[0]["from"] == "a"
        keys = [record.key for record in gateway.outbox.records if record.topic == gateway.config.topics.status]
        assert all(keys)


async def test_lines_of_events_are_taken_as_such() -> None:
    lines = b"\n".join(json.dumps(CALL | {"id": f"c{n}"}).encode() for n in range(3)) + b"\n\n"
    async with listening() as gateway:
        answer = await gateway.post("/v1/events", lines, {"Content-Type": "application/x-ndjson"})
        assert (answer.status, answer.told) == (200, {"accepted": 3})


async def test_cloud_events_are_taken_in_both_modes() -> None:
    envelope = {
        "specversion": "1.0",
        "type": "detector.call",
        "id": "e1",
        "source": "/a",
        "time": "2027-01-15T08:00:00Z",
    }
    data = {"run": "r1", "model": "m", "usage": {}}
    headers = {f"ce-{name}": value for name, value in envelope.items()}
    async with listening() as gateway:
        structured = {"Content-Type": "application/cloudevents+json"}
        assert (await gateway.post("/v1/cloudevents", envelope | {"data": data}, structured)).status == 200
        assert (await gateway.post("/v1/cloudevents", data, headers | {"ce-id": "e2"})).status == 200
        assert [event["id"] for event in gateway.calls] == ["e1", "e2"]


async def test_an_event_that_cannot_be_used_is_named_and_kept_as_a_dead_letter() -> None:
    bad = {"id": "c2", "time": NOW, "model": MARK, "usage": {"input_tokens": -1}, "run": "r1"}
    async with listening() as gateway:
        answer = await gateway.post("/v1/events", [CALL, bad, CALL | {"run": None}])
        assert answer.status == 200
        assert answer.told["accepted"] == 1
        assert answer.told["refused"] == 2
        assert [fault["field"] for fault in answer.told["faults"]] == ["usage.input_tokens", "run"]
        assert MARK not in answer.body.decode()
        (first, told), (second, _) = gateway.dead
        assert json.loads(first)[1] == bad
        assert second == b""
        assert told["topic"] == "gateway/v1/events"
        assert told["reason"] == "out_of_range"
        value = gateway.metrics.registry.get_sample_value
        assert value("detector_gateway_refused_total", {"reason": "out_of_range"}) == 1


async def test_what_names_nothing_that_it_is_about_is_refused_by_its_field() -> None:
    nowhere = [
        {"type": "link", "id": "l1", "time": NOW, "run": "r1"},
        {"type": "status", "id": "s1", "time": NOW, "strength": "weak"},
        {"type": "claim", "id": "k1", "time": NOW, "says": "loop"},
    ]
    async with listening() as gateway:
        answer = await gateway.post("/v1/events", nowhere)
        assert answer.status == 400
        assert [fault["field"] for fault in answer.told["faults"]] == ["task", "task", "run"]


async def test_a_body_of_which_nothing_can_be_used_is_a_bad_request() -> None:
    async with listening() as gateway:
        answer = await gateway.post("/v1/events", b"hello")
        assert answer.status == 400
        assert answer.told["faults"][0]["reason"] == "not_json"
        late = await gateway.post("/v1/events", CALL | {"time": NOW + 1e6})
        assert late.status == 400
        assert late.told["faults"][0]["field"] == "time"
        assert gateway.calls == []


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
async def test_partial_success_is_told_as_otlp_says(encoding: str) -> None:
    bad = Log({"event.name": "codex.sse_event", "event.kind": "response.completed", "input_token_count": "-5"})
    body = (logs_protobuf if encoding == "protobuf" else logs_json)([*LOGS, bad], RESOURCE)
    async with listening() as gateway:
        answer = await gateway.post("/v1/logs", body, {"Content-Type": f"application/{encoding}"})
        assert answer.status == 200
        if encoding == "json":
            partial = answer.told["partialSuccess"]
            assert partial["rejectedLogRecords"] == "1"
            message = partial["errorMessage"]
        else:
            success = parsed(ExportLogsServiceResponse, answer.body).partial_success
            assert success.rejected_log_records == 1
            message = success.error_message
        assert "model" in message or "input_token_count" in message
        of_these = of_source(Source(topic="t", format="otlp_logs"))(body, ())
        assert len(gateway.calls) + len(gateway.statuses) == len(of_these) - 1


async def test_a_bad_body_of_otlp_is_answered_with_a_status_in_its_own_encoding() -> None:
    async with listening() as gateway:
        answer = await gateway.post("/v1/traces", b"\xff\xff\xff", PROTOBUF)
        assert (answer.status, answer.type) == (400, "application/x-protobuf")
        # google.rpc.Status has its code and message where this message has these two.
        status = parsed(ExportLogsPartialSuccess, answer.body)
        assert status.rejected_log_records == 3
        assert "not_protobuf" in status.error_message


async def test_metrics_are_answered_and_dropped() -> None:
    async with listening() as gateway:
        assert (await gateway.post("/v1/metrics", b"\x0a\x00", PROTOBUF)).status == 200
        assert gateway.outbox.records == []


async def test_packed_bodies_are_unpacked() -> None:
    body = json.dumps(CALL).encode()
    async with listening() as gateway:
        for packed, encoding in ((gzip.compress(body), "gzip"), (zlib.compress(body), "deflate"), (body, "identity")):
            assert (await gateway.post("/v1/events", packed, {"Content-Encoding": encoding})).status == 200
        assert (await gateway.post("/v1/events", body, {"Content-Encoding": "gzip"})).status == 400
        assert (await gateway.post("/v1/events", gzip.compress(body)[:-9], {"Content-Encoding": "gzip"})).status == 400
        answer = await gateway.post("/v1/events", body, {"Content-Encoding": "br"})
        assert answer.status == 415
        assert "gzip" in answer.told["message"]


async def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    async with listening({"max_body_bytes": 10_000}) as gateway:
        bomb = gzip.compress(b" " * 5_000_000)
        assert len(bomb) < 10_000
        answer = await gateway.post("/v1/events", bomb, {"Content-Encoding": "gzip"})
        assert answer.status == 413
        assert "gateway.max_body_bytes" in answer.told["message"]
        assert (await gateway.post("/v1/events", b" " * 10_001)).status == 413


@pytest.mark.parametrize(("path", "body"), [("/v1/logs", b"{"), ("/v1/traces", b"\xff"), ("/v1/events", b"[1]")])
def test_a_reason_holds_nothing_of_what_was_made_of_its_body(path: str, body: bytes) -> None:
    (bad,) = Taker(load_config(None)).take(path, "application/json", body, (), None, NOW).refused
    assert (bad.__traceback__, bad.__context__, bad.__cause__) == (None, None, None)


async def test_few_large_bodies_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lock, now, most = threading.Lock(), [0], [0]
    read = Taker.take

    def take(taker: Taker, *told: Any) -> Taken:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.02)
        try:
            return read(taker, *told)
        finally:
            with lock:
                now[0] -= 1

    monkeypatch.setattr(Taker, "take", take)
    async with listening() as gateway:
        large = [CALL | {"id": f"c{n}"} for n in range(1000)]
        answers = await asyncio.gather(*[gateway.post("/v1/events", large) for _ in range(6)])
    assert {answer.status for answer in answers} == {200}
    assert 1 <= most[0] <= 2


async def test_a_gzip_of_very_many_members_is_refused() -> None:
    async with listening() as gateway:
        body = json.dumps(CALL).encode()
        parts = gzip.compress(body[:20]) + gzip.compress(body[20:])
        assert (await gateway.post("/v1/events", parts, {"Content-Encoding": "gzip"})).status == 200
        answer = await gateway.post("/v1/events", gzip.compress(b"") * 101, {"Content-Encoding": "gzip"})
        assert answer.status == 400
        assert "members" in answer.told["message"]
        assert (await gateway.post("/v1/metrics", b"", {"Content-Encoding": "gzip"})).status == 200


@pytest.mark.parametrize("line", [b"1", b"[1,1,1,1]"])
async def test_lines_hold_no_more_events_than_an_array_may(line: bytes) -> None:
    lines = b"\n".join([line] * (65_536 // (line.count(b",") + 1)))
    async with listening() as gateway:
        answer = await gateway.post("/v1/events", lines, {"Content-Type": "application/x-ndjson"})
        assert answer.status == 400
        assert answer.told["refused"] == 1
        assert answer.told["faults"][0]["reason"] == "too_large"


@pytest.mark.parametrize("more", [{}, {"tools": [{"name": "Bash", "arguments": {}}]}])
async def test_a_sketch_that_is_none_is_refused_by_its_field(more: dict[str, Any]) -> None:
    async with listening() as gateway:
        answer = await gateway.post("/v1/events", [CALL | {"output": {"sketch": "AAAA"}} | more])
        assert answer.status == 400
        assert answer.told["faults"][0]["field"] == "output.sketch"
        assert gateway.calls == []


async def test_a_body_too_large_for_a_dead_letter_is_told_without_its_bytes() -> None:
    async with listening(ingest={"max_record_bytes": 1000}) as gateway:
        assert (await gateway.post("/v1/events", b"x" * 1001)).status == 400
        assert (await gateway.post("/v1/events", b"x" * 1000)).status == 400
        assert [len(body) for body, _ in gateway.dead] == [0, 1000]


async def test_an_event_too_large_for_a_record_is_refused_alone() -> None:
    async with listening({"max_event_bytes": 1000}) as gateway:
        answer = await gateway.post("/v1/events", [CALL, CALL | {"error": "x" * 2000}])
        assert answer.told["accepted"] == 1
        assert answer.told["faults"][0]["reason"] == "too_large"


async def test_many_events_go_in_few_records_of_a_bounded_size() -> None:
    async with listening() as gateway:
        answer = await gateway.post("/v1/events", [CALL | {"id": f"c{n}"} for n in range(5000)])
        assert answer.told == {"accepted": 5000}
        sizes = [len(record.value or b"") for record in gateway.outbox.records]
        assert 1 < len(sizes) < 5
        assert max(sizes) < 270_000
        assert [event["id"] for event in gateway.calls] == [f"c{n}" for n in range(5000)]


async def test_nothing_is_answered_before_kafka_has_it() -> None:
    async with listening() as gateway:
        gateway.outbox.open.clear()
        posting = asyncio.create_task(gateway.post("/v1/events", CALL))
        await asyncio.sleep(0.1)
        assert not posting.done()
        gateway.outbox.open.set()
        assert (await posting).status == 200


async def test_requests_that_wait_share_a_delivery() -> None:
    async with listening() as gateway:
        gateway.outbox.open.clear()
        posting = [asyncio.create_task(gateway.post("/v1/events", CALL | {"id": f"c{n}"})) for n in range(20)]
        await asyncio.sleep(0.2)
        gateway.outbox.open.set()
        assert {(await post).status for post in posting} == {200}
        assert gateway.outbox.deliveries <= 3


async def test_while_kafka_is_away_a_client_is_told_to_come_again_and_what_it_sent_is_kept() -> None:
    async with listening({"answer_s": 0.1}) as gateway:
        gateway.outbox.open.clear()
        answer = await gateway.post("/v1/events", CALL)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        gateway.outbox.open.set()
        assert (await gateway.post("/v1/events", CALL)).status == 200
        assert [event["id"] for event in gateway.calls] == ["c1", "c1"]


async def test_beyond_its_bounds_it_answers_429_and_takes_again_once_there_is_room() -> None:
    body = CALL | {"output": {"text": "x" * 600}}
    async with listening({"answer_s": 0.1, "max_in_hand_bytes": 1000}) as gateway:
        gateway.outbox.open.clear()
        assert (await gateway.post("/v1/events", body)).status == 503
        full = await gateway.post("/v1/events", body)
        assert (full.status, full.headers["Retry-After"]) == (429, "1")
        assert gateway.metrics.registry.get_sample_value("detector_gateway_in_hand_bytes") > 600
        gateway.outbox.open.set()
        await asyncio.sleep(0.05)
        assert (await gateway.post("/v1/events", body)).status == 200
        assert gateway.metrics.registry.get_sample_value("detector_gateway_in_hand_bytes") == 0


async def test_too_many_requests_at_once_are_told_to_come_again() -> None:
    async with listening({"max_requests": 1}) as gateway:
        gateway.outbox.open.clear()
        posting = asyncio.create_task(gateway.post("/v1/events", CALL))
        await asyncio.sleep(0.1)
        assert (await gateway.post("/v1/events", CALL)).status == 429
        gateway.outbox.open.set()
        assert (await posting).status == 200


async def test_at_a_stop_whoever_waits_for_kafka_is_answered_and_what_came_is_still_written() -> None:
    async with listening() as gateway:
        gateway.outbox.open.clear()
        posting = asyncio.create_task(gateway.post("/v1/events", CALL))
        await until(lambda: gateway.outbox.tried > 0)
        waiting = gateway.writer.put([])
        gateway.writer.give_up()
        assert (await posting).status == 503
        assert isinstance(waiting.exception(), TimeoutError)
        assert (await gateway.post("/v1/events", CALL)).status == 503
        gateway.outbox.open.set()
        await gateway.server.stop()
        gateway.writer.close()
        await gateway.writing
        assert [event["id"] for event in gateway.calls] == ["c1"]


async def test_what_is_answered_during_a_stop_says_that_the_connection_ends() -> None:
    async with listening() as gateway:
        assert "Connection" not in (await gateway.post("/v1/events", CALL)).headers
        gateway.outbox.open.clear()
        posting = asyncio.create_task(gateway.post("/v1/events", CALL))
        await until(lambda: gateway.outbox.tried > 1)
        stopping = asyncio.create_task(gateway.server.stop())
        await asyncio.sleep(0)
        gateway.outbox.open.set()
        answer = await posting
        assert (answer.status, answer.headers["Connection"]) == (200, "close")
        await stopping


async def test_what_kafka_refuses_is_answered_503() -> None:
    async with listening() as gateway:
        gateway.outbox.error = DeploymentError("no")
        assert (await gateway.post("/v1/events", CALL)).status == 503


async def test_a_body_that_does_not_come_is_given_up() -> None:
    async with listening({"read_s": 0.1}) as gateway:
        host, _, port = gateway.server.address.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12")
        assert b"408" in await reader.readline()
        writer.close()


async def test_a_token_says_whose_events_they_are() -> None:
    async with listening(TOKENS) as gateway:
        for token in ("0123456789abcdef", "fedcba9876543210"):
            assert (await gateway.post("/v1/events", CALL | {"tenant": "other"}, bearer(token))).status == 200
        assert (await gateway.post("/v1/events", CALL, bearer("00112233445566778899"))).status == 200
        assert [event["tenant"] for event in gateway.calls] == ["acme", "acme", "other"]


@pytest.mark.parametrize("headers", [{}, bearer("0123456789abcdee"), bearer(""), {"Authorization": "Basic 0123"}])
async def test_without_a_token_nothing_is_taken(headers: dict[str, str]) -> None:
    async with listening(TOKENS) as gateway:
        answer = await gateway.post("/v1/events", CALL, headers)
        assert answer.status == 401
        assert "0123456789abcdef" not in answer.body.decode()
        assert gateway.outbox.records == []


@pytest.mark.parametrize("headers", [{"Origin": "https://page.example"}, {"Host": "page.example"}])
async def test_a_page_in_a_browser_sends_nothing_without_a_token(headers: dict[str, str]) -> None:
    async with listening() as gateway:
        assert (await gateway.post("/v1/events", CALL, headers)).status == 403
    async with listening(TOKENS) as gateway:
        assert (await gateway.post("/v1/events", CALL, headers | bearer("0123456789abcdef"))).status == 200


def delivered(sent: hooks.Sent, id: str = "d1") -> dict[str, str]:
    return hooks.signed(sent.provider, sent.body, sent.event, id)


async def test_a_delivery_of_a_webhook_becomes_statuses_of_its_tenant_once() -> None:
    merged = hooks.pull("closed", merged=True, merged_at=hooks.AT)
    async with listening(TOKENS, webhooks=hooks.config().webhooks) as gateway:
        answer = await gateway.post("/webhooks/github", merged.body, delivered(merged))
        assert answer.status == 200, answer.body
        assert {(s["tenant"], s["task"], s["strength"], s["source"]) for s in gateway.statuses} == {
            ("acme", "PAY-1312", "strong", "github")
        }
        again = await gateway.post("/webhooks/github", merged.body, delivered(merged))
        assert again.status == 401
        assert "stale" in again.told["message"]
        assert len(gateway.statuses) == 1


async def test_a_delivery_that_kafka_did_not_take_may_come_again() -> None:
    merged = hooks.pull("closed", merged=True, merged_at=hooks.AT)
    async with listening({"answer_s": 0.1}, webhooks=hooks.config().webhooks) as gateway:
        gateway.outbox.open.clear()
        assert (await gateway.post("/webhooks/github", merged.body, delivered(merged))).status == 503
        gateway.outbox.open.set()
        assert (await gateway.post("/webhooks/github", merged.body, delivered(merged))).status == 200


async def test_a_delivery_that_nobody_signed_is_refused() -> None:
    merged = hooks.pull("closed", merged=True, merged_at=hooks.AT)
    async with listening(webhooks=hooks.config().webhooks) as gateway:
        assert (await gateway.post("/webhooks/github", merged.body)).status == 401
        assert (await gateway.post("/webhooks/github", merged.body + b" ", delivered(merged))).status == 401
        assert (await gateway.post("/webhooks/bitbucket", merged.body)).status == 404
        assert gateway.outbox.records == []
    async with listening() as gateway:
        answer = await gateway.post("/webhooks/github", merged.body, delivered(merged))
        assert answer.status == 403
        assert "webhooks.github.secret_file" in answer.told["message"]


async def test_cdevents_need_a_token_where_there_are_any() -> None:
    told = next(sent for sent in hooks.SENT if sent.provider == "cdevents")
    async with listening(TOKENS) as gateway:
        assert (await gateway.post("/webhooks/cdevents", told.body, delivered(told))).status == 401
        headers = delivered(told) | bearer("0123456789abcdef")
        assert (await gateway.post("/webhooks/cdevents", told.body, headers)).status == 200
        assert {status["tenant"] for status in gateway.statuses} == {"acme"}


async def test_other_paths_say_which_there_are() -> None:
    async with listening() as gateway:
        answer = await gateway.post("/v2/logs", b"{}")
        assert answer.status == 404
        assert "/v1/logs" in answer.told["message"]


def test_it_is_not_open_to_all_without_being_told_so() -> None:
    with pytest.raises(ConfigError, match=r"gateway\.tokens_file"):
        Gateway({"host": "0.0.0.0"})
    Gateway({"host": "0.0.0.0", "anonymous": True})
    Gateway({"host": "0.0.0.0", **TOKENS})
    Gateway({"host": "localhost"})


@pytest.mark.parametrize("told", ["acme", "acme short", "acme a b"])
def test_tokens_that_are_none_are_refused_without_being_shown(told: str) -> None:
    with pytest.raises(ConfigError) as error:
        Tokens(told)
    assert "short" not in str(error.value).replace("too short", "")


def test_a_certificate_without_its_key_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"gateway\.keyfile"):
        Gateway({"certfile": "a.pem"})
