"""The whole configuration as one frozen object."""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from pydantic import Field, ValidationInfo, field_validator

from detector.config.budgets import Budget
from detector.config.gateway import Gateway
from detector.config.settings import (
    Identity,
    Ingest,
    Kafka,
    Log,
    Metrics,
    Notify,
    Policy,
    Portfolio,
    Prices,
    Privacy,
    Section,
    Statuses,
    Time,
    Topics,
    Watch,
    Web,
)
from detector.config.sources import Replay, Source, check_topics
from detector.config.stop import Stop
from detector.config.thresholds import Episodes, Override, Rules
from detector.config.webhooks import Push, Webhooks

MAX_REMEMBERED = 10_000
"""Subjects whose rules are remembered; then they are looked up anew. About 200 B each."""

Subject = tuple[str, str | None, str | None]
"""Tenant, team and agent."""

VERDICT_SECTIONS = ("rules", "episodes", "statuses", "time", "identity", "overrides", "budgets")
"""What can change a verdict."""


class Config(Section):
    """Everything that can be set. Made by load_config; Config() is the defaults, whatever the environment."""

    kafka: Kafka = Kafka()
    topics: Topics = Topics()
    gateway: Gateway = Gateway()
    ingest: Ingest = Ingest()
    identity: Identity = Identity()
    time: Time = Time()
    watch: Watch = Watch()
    portfolio: Portfolio = Portfolio()
    rules: Rules = Rules()
    episodes: Episodes = Episodes()
    statuses: Statuses = Statuses()
    webhooks: Webhooks = Webhooks()
    push: Push = Push()
    prices: Prices = Prices()
    privacy: Privacy = Privacy()
    policy: Policy = Policy()
    notify: Notify = Notify()
    stop: Stop = Stop()
    web: Web = Web()
    metrics: Metrics = Metrics()
    log: Log = Log()
    replay: Replay = Replay()
    sources: list[Source] = Field([], description="topics that others write, beside the native ones")
    overrides: list[Override] = Field([], description="other thresholds for some; later ones win")
    budgets: list[Budget] = Field([], description="what teams and keys may spend in a calendar month")

    @field_validator("sources")
    @classmethod
    def _sources_can_be_told_apart(cls, sources: list[Source], info: ValidationInfo) -> list[Source]:
        topics = info.data.get("topics", Topics())
        check_topics(sources, [value for value in topics.model_dump().values() if isinstance(value, str)])
        return sources

    @field_validator("budgets")
    @classmethod
    def _budgets_can_be_told_apart(cls, budgets: list[Budget]) -> list[Budget]:
        if len({(budget.tenant, budget.label) for budget in budgets}) < len(budgets):
            raise ValueError("two budgets of a tenant have the same name; give one of them another name")
        return budgets

    @property
    def producers_topics(self) -> list[str]:
        """What ingest reads."""
        return [self.topics.calls, self.topics.status, *(source.topic for source in self.sources)]

    # Cached properties are no part of what a config says: two are equal whatever was asked of them.
    @cached_property
    def _by_subject(self) -> dict[Subject, Rules]:
        return {}

    @cached_property
    def _by_overrides(self) -> dict[tuple[int, ...], Rules]:
        return {}

    def rules_for(self, tenant: str, team: str | None, agent: str | None) -> Rules:
        """The rules with the overrides that match this subject; the same object for the same overrides."""
        if not self.overrides:
            return self.rules
        subject = (tenant, team, agent)
        found = self._by_subject.get(subject)
        if found is None:
            matching = tuple(n for n, o in enumerate(self.overrides) if o.matches(*subject))
            found = self._by_overrides.get(matching)
            if found is None:
                found = self._by_overrides[matching] = self._merged(matching)
            if len(self._by_subject) >= MAX_REMEMBERED:
                self._by_subject.clear()
            self._by_subject[subject] = found
        return found

    def _merged(self, matching: tuple[int, ...]) -> Rules:
        if not matching:
            return self.rules
        merged = self.rules.model_dump()
        for n in matching:
            overlay(merged, self.overrides[n].rules.model_dump(exclude_unset=True))
        return Rules.model_validate(merged)

    def digest(self) -> str:
        """Eight hex digits that change with anything that can change a verdict."""
        told = {name: value for name, value in self.plain().items() if name in VERDICT_SECTIONS}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]

    def plain(self) -> dict[str, Any]:
        """As JSON types, secrets masked; of an override's rules the keys that it sets."""
        told = self.model_dump(mode="json", exclude={"overrides"})
        told["overrides"] = [o.model_dump(mode="json", exclude_unset=True) for o in self.overrides]
        return told

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other sections (not validated), which remembers no rules of this one."""
        copied = super().model_copy(update=update, deep=deep)
        for name in ("_by_subject", "_by_overrides"):
            copied.__dict__.pop(name, None)
        return copied


def overlay(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    """Writes `above` over `below`, table by table."""
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(below.get(key), dict):
            overlay(below[key], value)
        else:
            below[key] = dict(value) if isinstance(value, Mapping) else value
