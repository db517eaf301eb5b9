"""Gemini CLI's outfile: its log records are those that it sends by OTLP otherwise."""

from detector.errors import BadInput, Reason
from detector.model.events import Call, ToolCall, Usage
from detector.sources import gemini_outfile, otlp_logs
from detector.sources.told import Told, first
from tests.support import bodies
from tests.support.otlp import Log, logs_json
from tests.support.transcripts import at, outfile

SAID = {"session.id": "sess-1", "prompt_id": "sess-1", "model": "gemini-2.5-pro", "event.timestamp": at(3.0)}
RESPONSE = SAID | {"event.name": "gemini_cli.api_response", "input_token_count": 900, "output_token_count": 40}
TOOL = SAID | {"event.name": "gemini_cli.tool_call", "function_name": "read_file", "success": True}
OTHER = SAID | {"event.name": "gen_ai.client.inference.operation.details", "prompt": bodies.MARK}


def test_calls_and_tools_are_those_that_the_same_records_give_by_otlp() -> None:
    told = gemini_outfile.decode(outfile([RESPONSE, TOOL, OTHER]))
    sent = otlp_logs.decode(logs_json([Log(RESPONSE), Log(TOOL), Log(OTHER)]))
    assert [one.event for one in told if isinstance(one, Told)] == [one.event for one in sent if isinstance(one, Told)]
    assert [type(one.event) for one in told if isinstance(one, Told)] == [Call, ToolCall]


def test_a_call_that_the_client_cuts_off_is_found_among_all_records() -> None:
    request = SAID | {"event.name": "gemini_cli.api_request", "role": "main"}
    (cut,) = gemini_outfile.decode(outfile([request, request]))
    assert isinstance(cut, Told)
    assert isinstance(cut.event, Call)
    assert (cut.event.usage, cut.event.tools_apart) == (Usage(), True)


def test_the_resource_says_whose_it_is() -> None:
    (told,) = gemini_outfile.decode(outfile([RESPONSE], {"team": "payments"}))
    assert isinstance(told, Told)
    assert first(told.attributes, "team") == "payments"


def test_a_record_without_a_time_that_can_be_read_has_that_of_its_record() -> None:
    untimed = {name: value for name, value in RESPONSE.items() if name != "event.timestamp"}
    (told,) = gemini_outfile.decode(outfile([untimed]))
    assert isinstance(told, Told)
    assert told.event.time == 1_800_000_000.000000005


def test_an_object_that_is_not_written_to_its_end_is_left_out_and_one_that_is_broken_is_told() -> None:
    whole = outfile([RESPONSE, TOOL])
    cut = whole[: whole.rindex(b'"scopeMetrics"')]
    body, finished = gemini_outfile.finished(cut)
    assert not finished
    assert gemini_outfile.decode(body) == gemini_outfile.decode(whole)
    assert gemini_outfile.finished(whole) == (whole, True)
    bad = gemini_outfile.decode(whole.replace(b'"read_file"', b"read_file"))[-1]
    assert isinstance(bad, BadInput)
    assert (bad.reason, bad.field) == (Reason.NOT_JSON, "object 3")
