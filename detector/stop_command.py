"""The command that stops whoever an alert is about: an operator's pattern, filled in so that no name can add to it."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping

KEY_JSON = "key_json"
FIELDS = ("tenant", "team", "agent", "user", "key", KEY_JSON, "run", "task", "model", "id")
"""What a pattern may name in braces. `key_json` is {"key": …} as JSON, the body that LiteLLM's /key/block takes."""
MAX_CHARS = 2000
"""A command is whole or it is not told: a shortened one would do something else."""
MAX_VALUE_CHARS = 256
_FIELD = re.compile(r"\{([a-z_]+)\}")
_FIRST_OF_NO_NAME = ("-", "=")  # a program would take it for an option, zsh for the path of a program


def faults(pattern: str) -> list[str]:
    """Why a pattern is of no use; empty where it is one."""
    told = []
    if unknown := sorted(set(_FIELD.findall(pattern)) - set(FIELDS)):
        told.append(f"names {', '.join(unknown)}; the fields are {', '.join(FIELDS)}")
    if not pattern.isprintable():
        told.append("must be one line without control characters")
    if "`" in pattern or "$'" in pattern:
        told.append("must not hold ` or $'; use $(…) and plain quotes")
    bare = set(_bare(pattern))
    if quoted := [found[0] for found in _FIELD.finditer(pattern) if found.start() not in bare]:
        told.append(f"must not quote {', '.join(quoted)}: a value comes with quotes of its own, and two cancel out")
    if not quoted and len(pattern) not in bare:
        told.append("has a quote that is not closed")
    return told


def filled(pattern: str, values: Mapping[str, str | None]) -> str | None:
    """The command for a POSIX shell, each field a quoted word of it.

    None where a value is missing, begins like an option, is long or cannot be seen whole: what is shown to a person
    has to be what runs.
    """
    known = {name: value for name, value in values.items() if value is not None and _is_plain(value)}
    if "key" in known:
        known[KEY_JSON] = json.dumps({"key": known["key"]})
    if not all(name in known for name in _FIELD.findall(pattern)):
        return None
    command = _FIELD.sub(lambda found: shlex.quote(known[found[1]]), pattern)
    return command if len(command) <= MAX_CHARS else None


def _is_plain(value: str) -> bool:
    # A grave accent ends code in a chat, whose templates replace it: the command there would be another one.
    shown = value.isprintable() and "`" not in value
    return 0 < len(value) <= MAX_VALUE_CHARS and shown and not value.startswith(_FIRST_OF_NO_NAME)


def _bare(pattern: str) -> Iterator[int]:
    """The places at which a POSIX shell is within no quotes, the end among them."""
    quote, escaped = "", False
    for place, c in enumerate(pattern):
        if escaped:
            escaped = False
            continue
        if not quote:
            yield place
        if c == "\\" and quote != "'":
            escaped = True
        elif c == quote:
            quote = ""
        elif not quote and c in "'\"":
            quote = c
    if not quote and not escaped:
        yield len(pattern)
