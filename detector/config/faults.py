"""What is wrong with a configuration: a line a fault with place, key and fix, never a secret."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ValidationError

from detector.config.keys import Path, dotted, field_at, fields, is_secret, nearest, table
from detector.config.model import Config
from detector.errors import ConfigError

MAX_SHOWN = 60
"""Characters of a wrong value that are repeated in its error."""


def told(faults: list[str], of: str = "configuration") -> ConfigError:
    """One error for all faults."""
    if len(faults) == 1:
        return ConfigError(faults[0])
    return ConfigError("\n  ".join([f"the {of} has {len(faults)} faults:", *faults]))


def of_validation(error: ValidationError, where: Callable[[Path], str], root: type[BaseModel] = Config) -> list[str]:
    """A line for each error of pydantic; `where` names the file or variable that a path came from."""
    return [
        f"{where(fault['loc'])}: {_sentence(fault['loc'], fault['type'], fault['msg'], fault['input'], root)}"
        for fault in error.errors(include_url=False, include_context=False)
    ]


def _sentence(path: Path, kind: str, message: str, value: Any, root: type[BaseModel]) -> str:
    key = dotted(path)
    if kind == "extra_forbidden":
        meant = nearest(path, root)
        return f"{key}: unknown key; " + (f"did you mean {meant}?" if meant else _all_keys(path, root))
    info = field_at(path, root)
    fix = message.removeprefix("Value error, ")
    fix = fix[:1].lower() + fix[1:]
    if info is None or table(info) is not None:
        return f"{key}: {fix}"
    # A value_error is a validator's own sentence, maybe about a value that must not be shown.
    shown = "" if kind in ("value_error", "missing") or is_secret(info) or _may_hold_one(value) else _shown(value)
    return f"{key}: {fix}{shown}; meant: {info.description}"


def _all_keys(path: Path, root: type[BaseModel]) -> str:
    if root is Config:
        return "`detector config` lists all"
    info = field_at(path[:-1], root)
    return "known are " + ", ".join(fields(root if info is None else table(info) or root))


def _may_hold_one(value: Any) -> bool:
    """Whether a value that is not meant to be secret may hold a secret all the same: a table, a list, a login."""
    return isinstance(value, dict | list) or (isinstance(value, str) and "@" in value)


def _shown(value: Any) -> str:
    text = repr(value)
    return f" (it is {text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + '…'})"
