"""Settings to try on a history: what `--set` says of a rule's thresholds, as configurations beside the one in force."""

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from detector.config import Config, Rules
from detector.config.faults import of_validation
from detector.config.keys import fields, nearest, table
from detector.errors import ConfigError

MOST = 24
"""Settings at once, the configured one beside them: each costs some seconds a week of history, and a line to read."""


class Trial(NamedTuple):
    """A setting to try, and how it is called."""

    name: str
    config: Config


def trials(config: Config, rule: str | None, told: Sequence[str]) -> list[Trial]:
    """The configuration as it is, then every combination of the values that KEY=VALUE[,VALUE…] tell of a rule.

    Raises ConfigError, which names the key, the nearest one and the range.
    """
    if rule is None:
        if told:
            raise ConfigError("--set needs --rule: a threshold is one of a rule, as --rule spend_spike")
        return [Trial("as configured", config)]
    if rule not in Rules.model_fields:
        known = ", ".join(Rules.model_fields)
        meant = nearest((rule,), Rules)
        fix = f"did you mean {meant}? " if meant in Rules.model_fields else ""
        raise ConfigError(f"--rule {rule}: no such rule; {fix}known are {known}")
    values: dict[str, list[Any]] = {}
    for text in told:
        key, found = _parsed(config, rule, text)
        values.setdefault(key, []).extend(found)
    values = {key: list(dict.fromkeys(found)) for key, found in values.items()}
    count = math.prod(map(len, values.values()))
    if count > MOST:
        counts = " × ".join(f"{len(found)} of {key}" for key, found in values.items())
        raise ConfigError(f"--set: {counts} are {count} settings, at most {MOST} at once; try fewer values")
    return _combined(config, rule, values)


def _parsed(config: Config, rule: str, text: str) -> tuple[str, list[Any]]:
    """The key and the values of one --set, each as the configuration takes it."""
    key, equals, listed = text.partition("=")
    key = key.strip()
    thresholds = type(getattr(config.rules, rule))
    if key not in fields(thresholds):
        raise ConfigError(f"--set {text}: {_unknown(rule, thresholds, key)}")
    values = [value.strip() for value in listed.split(",")]
    if not equals or not all(values):
        raise ConfigError(f"--set {text}: needs a value after =, or several with commas, as {key}=1,2")
    return key, [getattr(getattr(_with(config, rule, {key: value}, text).rules, rule), key) for value in values]


def _unknown(rule: str, thresholds: type[BaseModel], key: str) -> str:
    """What is said of a key that the rule does not have."""
    of = [other for other, info in fields(Rules).items() if key in fields(_table(info))]
    if of:
        return f"{rule} has no threshold {key}: it is one of --rule {' and '.join(of)}"
    meant = nearest((key,), thresholds)
    fix = f"did you mean {meant}?" if meant else f"`detector config` lists all under [rules.{rule}]"
    return f"{rule} has no threshold {key}; {fix}"


def _table(info: FieldInfo) -> type[BaseModel]:
    found = table(info)
    assert found is not None
    return found


def _combined(config: Config, rule: str, values: dict[str, list[Any]]) -> list[Trial]:
    now = getattr(config.rules, rule)
    held = {key: getattr(now, key) for key in values}
    first = f"as configured ({_named(held)})" if held else "as configured"
    out = [Trial(first, config)]
    for combination in itertools.product(*values.values()):
        chosen = dict(zip(values, combination, strict=True))
        if chosen != held:
            out.append(Trial(_named(chosen), _with(config, rule, chosen, _named(chosen))))
    return out


def _named(chosen: dict[str, Any]) -> str:
    return " ".join(
        f"{key}={str(value).lower() if isinstance(value, bool) else f'{value:g}'}" for key, value in chosen.items()
    )


def _with(config: Config, rule: str, chosen: dict[str, Any], text: str) -> Config:
    """The configuration with other thresholds; raises ConfigError where one is out of its range."""
    rules = config.rules.model_dump()
    rules[rule] |= chosen
    try:
        return config.model_copy(update={"rules": Rules.model_validate(rules)})
    except ValidationError as error:
        told = of_validation(error, lambda _: f"--set {text}", Rules)
        raise ConfigError(told[0]) from None
