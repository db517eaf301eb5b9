"""Writes a configuration as TOML that loads again: each key under its description, secrets left out."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

from detector.config.keys import is_secret
from detector.config.model import Config

UNITS = "# Names end in their unit: _s seconds, _usd US dollars, _bytes bytes."


def to_toml(config: Config) -> str:
    """The effective configuration; unset keys and secrets are comments."""
    lines = [UNITS]
    for name in Config.model_fields:
        if name not in ("sources", "overrides", "budgets"):
            lines += ["", *_table(name, getattr(config, name))]
    lines += ["", f"# {Config.model_fields['sources'].description}"]
    lines += [] if config.sources else ["# [[sources]] with a topic and its format: see docs/inputs.md"]
    for source in config.sources:
        lines += ["", f"# {type(source).__doc__}", "[[sources]]"]
        lines += [f"{key} = {_value(getattr(source, key))}" for key in _set_keys(source) if key != "attributes"]
        own = [f"{key} = {_value(getattr(source.attributes, key))}" for key in _set_keys(source.attributes)]
        lines += ["[sources.attributes]", *own] if own else []
    for override in config.overrides:
        lines += ["", f"# {type(override).__doc__}", "[[overrides]]"]
        lines += [f"{key} = {_value(getattr(override, key))}" for key in _set_keys(override) if key != "rules"]
        for name in _set_keys(override.rules):
            rule = getattr(override.rules, name)
            lines += [f"[overrides.rules.{name}]"]
            lines += [f"{key} = {_value(getattr(rule, key))}" for key in _set_keys(rule)]
    lines += ["", f"# {Config.model_fields['budgets'].description}"]
    lines += [] if config.budgets else ["# [[budgets]] with a team and usd_per_month: see docs/portfolio.md"]
    for budget in config.budgets:
        lines += ["", f"# {type(budget).__doc__}", "[[budgets]]"]
        lines += [f"{key} = {_value(getattr(budget, key))}" for key in _set_keys(budget)]
    return "\n".join(lines) + "\n"


def _set_keys(section: BaseModel) -> Iterator[str]:
    """The keys that were given, in the order of the model."""
    return (
        name
        for name in type(section).model_fields
        if name in section.model_fields_set and getattr(section, name) is not None
    )


def _table(path: str, section: BaseModel) -> list[str]:
    lines = [f"# {type(section).__doc__}", f"[{path}]"]
    tables: list[str] = []
    for name, info in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            tables += ["", *_table(f"{path}.{name}", value)]
            continue
        changed = value != info.default and info.default not in (None, PydanticUndefined) and not is_secret(info)
        default = f" (default: {_value(info.default)})" if changed else ""
        lines += [f"# {info.description}{default}", _line(name, value)]
    return lines + tables


def _line(name: str, value: Any) -> str:
    if value is None:
        return f"# {name} is not set"
    if isinstance(value, SecretStr):
        return f'# {name} = "**********" (set, not shown)'
    return f"{name} = {_value(value)}"


def _value(value: Any) -> str:
    """A TOML value; its basic strings are JSON's, but that DEL has to be escaped too."""
    if isinstance(value, Path):
        value = str(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
