"""Logging to standard error: one line an entry, as text for people or as JSON for collectors.

Modules log to `logging.getLogger(__name__)` and give what varies as `extra`, so that it can be searched:
`log.info("checkpoint written", extra={"partition": 3, "bytes": 51200})`. Never content of events or secrets.
"""

import datetime as dt
import json
import logging
import sys
from collections import Counter
from typing import Any, TextIO

from detector.config import Log

OURS = "detector"
"""Loggers below this name follow log.level; libraries are heard from warnings on, at `debug` from info on."""
FAUST = "detector.kafka.faust_app"
"""What faust says about our subclasses comes under the name of their module; it is a library all the same."""

SPARED_S = 10.0
"""What a library says again within this is counted and left out."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def setup(settings: Log, stream: TextIO | None = None) -> None:
    """Sends all logging to `stream` (standard error), in place of what was set up before."""
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(_Json() if settings.format == "json" else _Text())
    handler.addFilter(_Sparing())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO if settings.level == "debug" else logging.WARNING)
    logging.getLogger(OURS).setLevel(settings.level.upper())
    logging.getLogger(FAUST).setLevel(root.level)
    logging.captureWarnings(True)


class _Sparing(logging.Filter):
    """Of what a library repeats, as its clients do hundreds of times a second without a broker, one entry in a while.

    The next one that passes says how many were left out. Bounded by the number of messages in the libraries' code.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[tuple[str, int], float] = {}
        self._left_out: Counter[tuple[str, int]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] in (OURS, "py") and record.name != FAUST:  # py.warnings have one place
            return True
        place = record.pathname, record.lineno
        if record.created < self._told.get(place, -SPARED_S) + SPARED_S:
            self._left_out[place] += 1
            return False
        self._told[place] = record.created
        if more := self._left_out.pop(place, 0):
            record.left_out = more
        return True


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What was given as `extra`."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _time(record: logging.LogRecord) -> str:
    when = dt.datetime.fromtimestamp(record.created, dt.UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Json(logging.Formatter):
    """One object: time, level, logger, message, then the extras; a traceback under `error`."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for key, value in _fields(record).items():
            told.setdefault(key, value)
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str)


class _Text(logging.Formatter):
    """`2026-05-01T10:00:00.000Z info    detector.worker  message  key=value`, a traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        told = f"{_time(record)} {record.levelname.lower():7} {record.name}: {_one_line(record.getMessage())}"
        for key, value in _fields(record).items():
            told += f" {key}={_one_line(str(value))}"
        if record.exc_info:
            told += "\n" + self.formatException(record.exc_info)
        return told


def _one_line(text: str) -> str:
    """An entry is a line: a name that holds a line break must not be able to forge another."""
    return text.replace("\r", "\\r").replace("\n", "\\n")
