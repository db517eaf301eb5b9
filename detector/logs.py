"""Logging to standard error: one line an entry, as text for people or as JSON for collectors.

Modules log to `logging.getLogger(__name__)` and give what varies as `extra`, so that it can be searched:
`log.info("checkpoint written", extra={"partition": 3, "bytes": 51200})`. Never content of events or secrets.
"""

import datetime as dt
import json
import logging
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from detector.config import Log

OURS = "detector"
"""Loggers below this name follow log.level; libraries are heard from warnings on, at `debug` from info on."""
FAUST = "detector.kafka.faust_app"
"""What faust says about our subclasses comes under the name of their module; it is a library all the same."""

OFTEN, WINDOW_S = 3, 10.0
"""A library may say the same so often within so many seconds."""
MAX_SAID = 1000
"""Texts that are remembered for that."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def setup(settings: Log, stream: TextIO | None = None) -> None:
    """Sends all logging to `stream` (standard error), in place of what was set up before."""
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.addFilter(_Seldom())
    handler.setFormatter(_Json() if settings.format == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO if settings.level == "debug" else logging.WARNING)
    logging.getLogger(OURS).setLevel(settings.level.upper())
    logging.getLogger(FAUST).setLevel(root.level)
    logging.captureWarnings(True)


class _Seldom(logging.Filter):
    """Lets a library say the same only so often: aiokafka says some hundred lines a second while brokers are away."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """False for what was said OFTEN times within WINDOW_S; the next one tells how many were left out."""
        if record.name.split(".")[0] == OURS and record.name != FAUST:
            return True
        now, key = self._clock(), (record.name, str(record.msg))
        if len(self._said) > MAX_SAID:
            self._said.clear()
        since, count = self._said.get(key, (now, 0))
        if now - since >= WINDOW_S:
            if count > OFTEN:
                record.left_out = count - OFTEN
            since, count = now, 0
        self._said[key] = since, count + 1
        return count < OFTEN


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
