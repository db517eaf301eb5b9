"""Logging: one line an entry, as text or JSON, and how loud libraries may be."""

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from detector import logs
from detector.config import Log


@pytest.fixture(autouse=True)
def kept_logging() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger(logs.OURS)
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])
    logging.getLogger(logs.FAUST).setLevel(logging.NOTSET)
    logging.captureWarnings(False)


def logged(format: Literal["json", "text"], level: Any = "info") -> io.StringIO:
    stream = io.StringIO()
    logs.setup(Log(level=level, format=format), stream)
    return stream


def test_json_is_an_object_a_line_with_what_was_given_as_extra() -> None:
    stream = logged("json")
    logging.getLogger("detector.x").info("checkpoint %s", "written", extra={"partition": 3, "path": io.SEEK_SET})
    logging.getLogger("detector.x").warning("slow")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.pop("time"))
    assert first == {
        "level": "info",
        "logger": "detector.x",
        "message": "checkpoint written",
        "partition": 3,
        "path": 0,
    }
    assert second["level"] == "warning"


def test_an_extra_cannot_stand_for_the_entry_itself() -> None:
    stream = logged("json")
    logging.getLogger("detector.x").info("real", extra={"level": "forged", "time": 0, "logger": "forged"})
    told = json.loads(stream.getvalue())
    assert (told["level"], told["logger"], told["message"]) == ("info", "detector.x", "real")
    assert told["time"] != 0


def test_json_takes_what_json_does_not_know() -> None:
    stream = logged("json")
    logging.getLogger("detector.x").info("odd", extra={"what": {1}, "text": "ü\n"})
    assert json.loads(stream.getvalue())["what"] == "{1}"


@pytest.mark.parametrize("format", ["json", "text"])
def test_an_entry_comes_with_its_traceback(format: Literal["json", "text"]) -> None:
    stream = logged(format)
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logging.getLogger("detector.x").exception("failed")
    text = json.loads(stream.getvalue())["error"] if format == "json" else stream.getvalue()
    assert "Traceback" in text
    assert "ZeroDivisionError" in text


def test_text_is_a_line_that_no_value_can_break() -> None:
    stream = logged("text")
    logging.getLogger("detector.x").info("hello\nforged", extra={"agent": "a\r\nforged"})
    (line,) = stream.getvalue().splitlines()
    assert re.fullmatch(r"\S+Z info    detector\.x: hello\\nforged agent=a\\r\\nforged", line)


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("debug", ["ours debug", "ours info", "theirs info", "theirs warning"]),
        ("info", ["ours info", "theirs warning"]),
        ("error", ["theirs warning"]),
    ],
)
def test_libraries_are_quieter_than_we_are(level: str, told: list[str]) -> None:
    stream = logged("json", level)
    logging.getLogger("detector.x").debug("ours debug")
    logging.getLogger("detector.x").info("ours info")
    logging.getLogger("aiokafka.x").debug("theirs debug")
    logging.getLogger("aiokafka.x").info("theirs info")
    logging.getLogger("aiokafka.x").warning("theirs warning")
    logging.getLogger(logs.FAUST).debug("[^App]: Starting...")
    if level != "debug":
        logging.getLogger(logs.FAUST).info("[^App]: Starting...")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == told


def test_setting_up_anew_replaces_what_was_there() -> None:
    old = logged("text")
    new = logged("json")
    logging.getLogger("detector.x").info("once")
    assert old.getvalue() == ""
    assert len(new.getvalue().splitlines()) == 1


def test_a_library_that_repeats_itself_is_heard_seldom_and_what_was_left_out_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(logs._Seldom.__init__, "__defaults__", (lambda: now[0],))
    stream = logged("json")
    for n in range(50):
        logging.getLogger("aiokafka").error("no connection to %s", n)
        logging.getLogger("detector.x").error("ours")
    now[0] += logs.WINDOW_S
    logging.getLogger("aiokafka").error("no connection to %s", 50)
    logging.getLogger("aiokafka").error("something else")
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    theirs = [(t["message"], t.get("left_out")) for t in told if t["logger"] == "aiokafka"]
    assert theirs == [
        *((f"no connection to {n}", None) for n in range(logs.OFTEN)),
        ("no connection to 50", 50 - logs.OFTEN),
        ("something else", None),
    ]
    assert sum(t["message"] == "ours" for t in told) == 50
