"""The thresholds of the rules that join a month of spend with what shipped: a ticket at most, never a page."""

from typing import Annotated

from pydantic import Field

from detector.config.settings import Count, NotNegative, Positive, Section, Share

Days = Annotated[int, Field(ge=1, le=50)]
"""Of 100 days that are known, so that as many lie before them."""


class DeliverableRule(Section):
    """Thresholds of `no_deliverable`."""

    enabled: bool = Field(True, description="false: this rule is not asked")
    days: Days = Field(30, description="days of spend that are looked at; a subject with a shorter past is not judged")
    least_usd: NotNegative = Field(
        200.0, description="dollars of these days, experiments and what was given up on purpose left out"
    )
    task_usd: NotNegative = Field(20.0, description="dollars of a single task; below, the time to look costs more")
    shipped_tasks: Count = Field(
        30, description="tasks of a type that shipped, before one is judged by them: of fewer the dearest decides alone"
    )


class ConcentrationRule(Section):
    """Thresholds of `concentration`."""

    enabled: bool = Field(True, description="false: this rule is not asked")
    days: Days = Field(30, description="days of spend that are looked at; a team with a shorter past is not judged")
    least_usd: NotNegative = Field(200.0, description="dollars of the subject within these days")
    share: Share = Field(0.5, description="of its team's dollars")
    times: Positive = Field(3.0, description="its share of the dollars over its share of the team's outcomes")
    subjects: Annotated[int, Field(ge=2)] = Field(
        3, description="agents or keys of the team that spent: of two, one always has half"
    )
    people: Annotated[int, Field(ge=2)] = Field(
        5, description="people of the team that spent: of fewer, a pseudonym tells who it is"
    )
    chance: Share = Field(
        0.05,
        description="for a ticket, so few outcomes must be rarer than this if they fell as dollars do: of 4 outcomes "
        "none for half of the dollars is chance",
    )


class CostRule(Section):
    """Thresholds of `cost_per_outcome`; what was measured is in tests/unit/test_cost_per_outcome.py."""

    enabled: bool = Field(True, description="false: this rule is not asked")
    weeks: Annotated[int, Field(ge=2, le=6)] = Field(
        4, description="whole weeks that are looked at: with 2, one large task makes half of them dear"
    )
    weeks_before: Annotated[int, Field(ge=2, le=12)] = Field(
        4, description="whole weeks of the team's own past, at least; all that are told count"
    )
    completed: Count = Field(10, description="tasks completed in these weeks, and in those before, at least")
    least_usd: NotNegative = Field(200.0, description="dollars of these weeks")
    times: Annotated[float, Field(gt=1)] = Field(
        2.0,
        description="a completed task's cost in a middling week over that of before: teams of few tasks vary by half",
    )
    dearer_weeks: Share = Field(
        0.9,
        description="for a ticket, of all pairs of a week with one before, those in which the later is dearer: of "
        "made-up steady teams with 3 to 10 tasks a week at most 1 in 100 is a false ticket then",
    )


class ChurnRule(Section):
    """Thresholds of `churn`."""

    enabled: bool = Field(True, description="false: this rule is not asked")
    days: Days = Field(30, description="days whose outcomes are looked at, and within which one may come undone")
    rewritten: Share = Field(0.5, description="a deliverable's churned_share from which it is largely rewritten")
    outcomes: Count = Field(10, description="outcomes of these days, and of those before, at least")
    times: Positive = Field(2.0, description="the share that came undone over the share of before")
    points: Share = Field(0.1, description="and by so much more of the whole")
    least_usd: NotNegative = Field(100.0, description="dollars that what came undone had cost")
    chance: Share = Field(
        0.05, description="for a ticket, so many must be rarer than this if as many come undone as before"
    )


class RedundantSpendRule(Section):
    """Thresholds of `redundant_spend`; which answers are nearly the same, `redundant_work` says."""

    enabled: bool = Field(True, description="false: this rule is not asked")
    days: Days = Field(30, description="days whose runs are summed")
    info_usd: NotNegative = Field(
        20.0, description="dollars of runs whose final answer an earlier run of their task had given"
    )
    warning_usd: NotNegative = Field(
        100.0, description="the same, before it is more than a line on a board: an hour of whoever looks"
    )
