"""The thresholds of the rules and their overrides: every key with its default, its unit and its evidence."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from detector.config.settings import Count, NotNegative, Positive, Section, Share
from detector.config.shipped_thresholds import (
    ChurnRule,
    ConcentrationRule,
    CostRule,
    DeliverableRule,
    RedundantSpendRule,
)


class LoopRule(Section):
    """Thresholds of `loop`; the evidence for each is in docs/detection.md."""

    enabled: bool = Field(True, description="false: this rule is not asked")
    rounds_short: Count = Field(
        4, description="rounds of period 1 or 2: 12 of 826 real runs reach it, 11 of them loops"
    )
    rounds_middle: Count = Field(
        5, description="rounds of period 3 to 7: a short list of steps is repeated thrice honestly"
    )
    rounds_long: Count = Field(4, description="rounds of period 8 to 12: so long a cycle does not recur by chance")
    window_steps: Count = Field(12, description="steps within which the rounds of period 1 or 2 must lie")
    rounds_no_result_warning: Count = Field(8, description="rounds where results are unknown: less known, more care")
    rounds_no_result_page: Count = Field(12, description="the same, before it may page")
    outputs_warning: Count = Field(
        6, description="like outputs in a row with no action: the longest innocent streak of 200 runs was 6"
    )
    outputs_page: Count = Field(8, description="the same, before it may page")
    output_similarity: Share = Field(
        0.35,
        description="Jaccard of 8-byte shingles from which outputs are alike; a tenth of words changed: .5",
    )
    form_share: Share = Field(
        0.95,
        description="like outputs that all share so much of what two share are a form, filled in for one subject after "
        "another: rewordings stay below, templates above (rows 9 and 11 of the tests)",
    )
    near_rounds: Count = Field(
        4, description="near copies of a failing action within 12 steps, the same failure each time and nothing new"
    )
    near_similarity: Share = Field(
        0.8,
        description="Jaccard of 8-byte shingles of actions that are near copies: pages 2 of 51 runs not labelled stuck",
    )
    no_progress_rounds: Count = Field(
        8,
        description="times that an action fails in the same way, whatever new is done between: 4 are honest work",
    )
    thrash: Count = Field(10, description="context compactions with nothing done between")
    thrash_info: Count = Field(5, description="the same, before it is a line on a board")
    tokens_info: Count = Field(12, description="calls of the same size in turn, where nothing else is known")
    page_burnt_usd: NotNegative = Field(1.0, description="burnt, together with page_usd_per_hour, before it may page")
    page_usd_per_hour: NotNegative = Field(10.0, description="burning at, together with page_burnt_usd")
    page_burnt_alone_usd: NotNegative = Field(20.0, description="burnt before it may page at any rate")
    warning_usd: NotNegative = Field(0.1, description="burnt before it is more than a line on a board")


class InflationRule(Section):
    """Thresholds of `run_inflation`."""

    enabled: bool = Field(True, description="false: this rule is not asked")
    info_calls: Count = Field(
        10, description="calls without a strong status: an auditor's red flag, and 62 % of ordinary runs"
    )
    warning_calls: Count = Field(20, description="calls without a strong status: 91 % of runs beyond had failed")


class SpikeRule(Section):
    """Thresholds of `spend_spike`; measured on simulated fleets over real request rates, see docs/detection.md."""

    enabled: bool = Field(True, description="false: this rule is not asked")
    times_usual: Positive = Field(
        5.0, description="an hour's dollars (or ten minutes' pace) over the usual active hour's"
    )
    info_usd: NotNegative = Field(5.0, description="dollars above usual, before it is a line on a board")
    warning_usd: NotNegative = Field(
        11.0, description="dollars above usual in the hour for a ticket; floor_usd if less"
    )
    calm_s: NotNegative = Field(3600.0, description="no strong or medium status for this long, before it is a ticket")
    hours_since_strong: NotNegative = Field(
        5.0, description="usual hours of dollars spent since the last strong status"
    )
    page_times_usual: Positive = Field(5.5, description="as times_usual, before it may page")
    floor_usd: NotNegative = Field(20.0, description="dollars above usual in the hour, before it may page")
    early_share: Share = Field(
        0.75, description="of floor_usd: so much is enough where the last 20 minutes burn at that pace in an hour"
    )
    page_calm_s: NotNegative = Field(
        4800.0, description="as calm_s, before it may page: the hour before a spike, and the time it takes to tell one"
    )
    hold_s: NotNegative = Field(
        420.0, description="it has been a ticket for this long before it pages: half of the false pages end by then"
    )
    moves_due: NotNegative = Field(
        1.0, description="statuses that so many dollars usually bring this agent's tasks, and that did not come"
    )
    of_dearest: NotNegative = Field(
        0.6, description="of the agent's dearest hour in 7 days: what it often does is no news"
    )
    young_hours: Count = Field(
        20, description="active hours in 7 days below which a subject is young: it is judged by its peers too"
    )
    young_factor: Annotated[float, Field(ge=1)] = Field(
        3.0, description="bars of a young subject are raised by this: its peers may be of another size"
    )
    peers: Count = Field(3, description="agents of the team whose usual is known, before a young one is judged by them")
    wrong_within_s: NotNegative = Field(3600.0, description="a strong status so soon after a page: the page was wrong")
    bar_factor: Annotated[float, Field(ge=1)] = Field(
        1.5, description="each wrong page raises the bars of its agents by this; it is forgotten by half in 7 days"
    )
    bar_most: Annotated[float, Field(ge=1)] = Field(4.0, description="the most that bars are raised by")
    team_times: Positive = Field(6.0, description="a team's or model's dollars in an hour over the mean of all hours")
    team_usd: NotNegative = Field(20.0, description="a team's dollars above that")
    model_usd: NotNegative = Field(50.0, description="a model's dollars above that, across teams")
    movers: Count = Field(
        3, description="agents of a team (or teams of a model) that rise at once: then the wider one is the cause"
    )
    together_s: NotNegative = Field(
        900.0, description="where so many are, each of them waits this long for the page of its team"
    )
    still_share: Share = Field(0.7, description="of a team's or model's hour, what went to tasks that did not move")
    most_of_it: Share = Field(
        0.6, description="a share of what is above usual from which a narrower subject explains it"
    )
    history_hours: Count = Field(24, description="hours of history before a team or model is judged")


class RedundantRule(Section):
    """Thresholds of `redundant_work`."""

    enabled: bool = Field(True, description="false: this rule is not asked")
    runs: Annotated[int, Field(ge=2, le=16)] = Field(
        5, description="runs of one task with nearly the same final answer; of a task 16 final answers are kept"
    )
    similarity: Share = Field(
        0.35, description="Jaccard of 8-byte shingles from which final answers are nearly the same"
    )
    within_s: Positive = Field(86_400.0, description="answers of so long a time are compared")
    idle_s: Positive = Field(1800.0, description="a run idle for this long has given its final answer")
    warning_usd: NotNegative = Field(0.1, description="spent by these runs before it is more than a line on a board")


class BloatRule(Section):
    """Thresholds of `context_bloat`."""

    enabled: bool = Field(True, description="false: this rule is not asked")
    times_usual: Positive = Field(
        8.0, description="input tokens of a call over the mean of this agent's calls: an order of magnitude, nearly"
    )
    calls: Count = Field(5, description="such calls in a row; one large file read once is honest work")
    growth_calls: Count = Field(
        10, description="calls in a row whose input grows while nothing new is done and less than half of it is cached"
    )
    growth_times: Positive = Field(3.0, description="the input at the end of these over that at their beginning")
    info_usd: NotNegative = Field(
        0.5, description="dollars that the part above usual has cost, as list prices weigh it"
    )
    warning_usd: NotNegative = Field(5.0, description="the same, before it is more than a line on a board")


class ClaimRule(Section):
    """Thresholds of `no_task`."""

    enabled: bool = Field(True, description="false: this rule is not asked")
    hours: Annotated[int, Field(ge=1, le=24)] = Field(24, description="full hours whose spend is looked at, each hour")
    history_hours: Count = Field(72, description="hours of a team's history before these, before it is judged")
    least_usd: NotNegative = Field(20.0, description="dollars of these hours that no task claims")
    times: Positive = Field(2.0, description="their share over the share of the 7 days before")
    points: Share = Field(0.15, description="and by so much more of the whole")
    share: Share = Field(0.3, description="their share, before it is more than a line on a board")


class BudgetRule(Section):
    """Thresholds of `budget`, which is asked of each of [[budgets]]."""

    enabled: bool = Field(True, description="false: this rule is not asked")
    share: Share = Field(0.8, description="of a month's limit, from which it is a ticket: a week is left to act")
    forecast_days: Annotated[int, Field(ge=1, le=27)] = Field(
        2, description="whole days of a month before there is a forecast, which is a ticket where it is above the limit"
    )


class Rules(Section):
    """All rules."""

    loop: LoopRule = Field(LoopRule(), description="steps that repeat and bring nothing new")
    run_inflation: InflationRule = Field(InflationRule(), description="many calls and no strong status")
    redundant_work: RedundantRule = Field(RedundantRule(), description="runs of a task that give the same answer")
    spend_spike: SpikeRule = Field(SpikeRule(), description="far more dollars than usual, and nothing moves")
    context_bloat: BloatRule = Field(BloatRule(), description="contexts far larger than the work needs")
    no_task: ClaimRule = Field(ClaimRule(), description="spend that no task claims")
    no_deliverable: DeliverableRule = Field(DeliverableRule(), description="a month of spend, and nothing shipped")
    concentration: ConcentrationRule = Field(
        ConcentrationRule(), description="one subject has most of its team's spend and little of its outcomes"
    )
    cost_per_outcome: CostRule = Field(CostRule(), description="a completed task costs more, and there are not more")
    churn: ChurnRule = Field(ChurnRule(), description="what shipped is taken back, reopened or written anew")
    redundant_spend: RedundantSpendRule = Field(
        RedundantSpendRule(), description="what a month of runs with nearly the same final answer costs a team"
    )
    budget: BudgetRule = Field(BudgetRule(), description="a month's budget is nearly used, or will not do")


class Override(Section):
    """Other thresholds for a tenant, team or agent; all that are given must match, later overrides win."""

    tenant: str | None = Field(None, description="absent: of any tenant")
    team: str | None = Field(None, description="absent: of any team")
    agent: str | None = Field(None, description="absent: of any agent")
    rules: Rules = Field(description="as [rules], only the keys that differ")

    @model_validator(mode="after")
    def _selects(self) -> Self:
        if self.tenant is None and self.team is None and self.agent is None:
            raise ValueError("needs tenant, team or agent; what holds for all belongs into [rules]")
        return self

    def matches(self, tenant: str, team: str | None, agent: str | None) -> bool:
        """Whether it is meant for this subject."""
        return self.tenant in (None, tenant) and self.team in (None, team) and self.agent in (None, agent)


class Episodes(Section):
    """When an episode is updated and ends."""

    quiet_s: Positive = Field(
        900.0, description="quiet for the longer of this and quiet_gaps of its own gaps: it resolves"
    )
    quiet_gaps: Positive = Field(3.0, description="see quiet_s; so a slow loop stays one episode")
    update_factor: Annotated[float, Field(gt=1)] = Field(
        2.0, description="an update at each growth of its cost by this factor"
    )
    max_open: Count = Field(
        10_000,
        description="open at once a partition; beyond it the mildest of the tenants with most resolve",
    )
    max_call_ids: Count = Field(50, description="call ids in the evidence: the first of the episode and the newest")
