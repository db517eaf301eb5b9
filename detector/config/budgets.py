"""Budgets: what a team or a key may spend in a calendar month."""

from typing import Self

from pydantic import Field, model_validator

from detector.config.settings import Name, Positive, Section


class Budget(Section):
    """What a team, its experiments, or a key may spend in a calendar month (UTC)."""

    tenant: Name = Field("default", description="whose team or key")
    team: Name | None = Field(None, description="the team; of it or a key")
    key: Name | None = Field(None, description="the key, as calls name it, whichever team uses it")
    experiments: bool = Field(
        False, description="true: of the team's calls with task_type experiment alone; they count for the team too"
    )
    usd_per_month: Positive = Field(description="billed dollars")
    name: Name | None = Field(None, description="label of its gauges; a key needs one, as it is no label itself")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.team is None) == (self.key is None):
            raise ValueError("needs team or key, one of them")
        if self.experiments and self.team is None:
            raise ValueError("experiments is for a budget of a team")
        if self.key is not None and self.name is None:
            raise ValueError("a budget of a key needs a name, under which it is shown")
        return self

    @property
    def label(self) -> str:
        """What it is called."""
        return self.name or f"{self.team}{' experiments' if self.experiments else ''}"
