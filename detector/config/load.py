"""Reads the configuration: a TOML file, over it variables, over them what a program sets."""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from detector.config import faults, keys
from detector.config.model import Config, overlay
from detector.errors import ConfigError

PREFIX = "DETECTOR_"
FILE_VARIABLE = "DETECTOR_CONFIG"
CALLBACK_PREFIX = "DETECTOR_CALLBACK_"
"""Of the callback in LiteLLM's proxy, which has settings of its own (detector.callback.settings)."""

# Kubernetes gives every pod variables about the services of its namespace: a service named `detector` or
# `detector-ingest` must not stop the worker.
_KUBERNETES = re.compile(r"\w+_SERVICE_(HOST|PORT(_\w+)?)|\w+_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?")
_KUBERNETES_PORT = re.compile(r"(tcp|udp|sctp)://\S+")


def load_config(path: Path | str | None = None, **sections: Any) -> Config:
    """The configuration of the TOML file at `path` (else at $DETECTOR_CONFIG) and of the variables.

    `sections` are given by a program, as tables (kafka={"bootstrap": …}) or models, and win over both.
    Raises ConfigError, which lists every fault with the file or variable, the key and the fix.
    """
    file = str(path or os.environ.get(FILE_VARIABLE) or "")
    found: list[str] = []
    values: dict[str, Any] = {}
    if file:
        try:
            values = read_toml(file, f"--config and {FILE_VARIABLE}")
        except ConfigError as error:
            found.append(str(error))
    origin = _overlay_variables(values, os.environ, found)
    overlay(values, {name: _as_table(section) for name, section in sections.items()})

    def where(at: keys.Path) -> str:
        names = {name for key, name in origin.items() if key == tuple(at[: len(key)])}
        return ", ".join(sorted(names)) or (file if file and not _holds(sections, at) else "by program")

    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise faults.told(found + faults.of_validation(error, where)) from None  # its text shows secrets
    if found:
        raise faults.told(found)
    return config


def read_toml(file: str | Path, named_by: str) -> dict[str, Any]:
    """What a TOML file holds; raises ConfigError, which tells by what it was named where it is not there."""
    try:
        return tomllib.loads(Path(file).read_bytes().decode("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such file; see {named_by}") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: byte {error.start} is not UTF-8; TOML has to be") from None
    except RecursionError:
        raise ConfigError(f"{file}: is nested too deeply") from None
    except ValueError as error:  # TOMLDecodeError, or a number or date that Python does not take
        raise ConfigError(f"{file}: is not TOML: {error}; text needs quotes, tables are [section]") from None


def _overlay_variables(
    values: dict[str, Any], environment: Mapping[str, str], found: list[str]
) -> dict[tuple[str, ...], str]:
    """Writes variables over `values`, adds faults to `found`; returns which key came from which variable."""
    known = {variable(path): path for path in keys.leaves()}
    origin: dict[tuple[str, ...], str] = {}
    for name, text in sorted(environment.items()):
        if not name.startswith(PREFIX) or name.startswith(CALLBACK_PREFIX) or name == FILE_VARIABLE:
            continue
        if not text or _is_kubernetes(name, text):
            continue
        path = known.get(name)
        if path is None:
            found.append(_unknown(name, known))
            continue
        try:
            value = _parsed(path, text)
        except ValueError:
            found.append(f"{name}: {keys.dotted(path)}: is not a JSON list")
            continue
        if _put(values, path, value):
            origin[path] = name
    return origin


def variable(path: tuple[str, ...]) -> str:
    """The name of the variable that sets a key: DETECTOR_KAFKA__BOOTSTRAP."""
    return PREFIX + "__".join(path).upper()


def _is_kubernetes(name: str, text: str) -> bool:
    if name.endswith("_PORT") and _KUBERNETES_PORT.fullmatch(text):
        return True
    return _KUBERNETES.fullmatch(name) is not None


def _unknown(name: str, known: Mapping[str, tuple[str, ...]]) -> str:
    path = name.removeprefix(PREFIX).lower().split("__")
    info = keys.field_at(path)
    if info is not None and keys.table(info) is not None:
        return f"{name}: {keys.dotted(path)} is a section; set its keys, as {name}__{_first_key(info)}"
    meant = difflib.get_close_matches(name.upper(), known, n=1)
    fix = f"did you mean {meant[0]}?" if meant else "`detector config` lists all keys"
    return f"{name}: unknown variable; {fix}"


def _first_key(info: Any) -> str:
    model = keys.table(info)
    assert model is not None
    return next(iter(model.model_fields)).upper()


def _parsed(path: tuple[str, ...], text: str) -> Any:
    """A variable's text as pydantic takes it: lists are JSON or, of plain values, separated by commas."""
    info = keys.field_at(path)
    assert info is not None
    if not keys.is_list(info):
        return text
    if keys.table(info) is None and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    value = json.loads(text)
    if not isinstance(value, list):
        raise ValueError
    return value


def _put(values: dict[str, Any], path: tuple[str, ...], value: Any) -> bool:
    """Sets a key in nested tables; False where the file has something else in place of a table."""
    *above, last = path
    for key in above:
        values = values.setdefault(key, {})
        if not isinstance(values, dict):
            return False
    values[last] = value
    return True


def _as_table(section: Any) -> Any:
    return section.model_dump(exclude_unset=True) if isinstance(section, BaseModel) else section


def _holds(sections: Mapping[str, Any], at: keys.Path) -> bool:
    """Whether a program set the key, or something within."""
    inner: Any = sections
    for key in at:
        if not isinstance(inner, Mapping):
            break
        if key not in inner:
            return False
        inner = inner[key]
    return True
