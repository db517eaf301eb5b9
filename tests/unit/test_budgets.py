"""`budget`: what fires and what is just under, by month, over a restart; how a forecast is made; what a config says."""

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from detector.config import Config, Rules, load_config
from detector.config.toml import to_toml
from detector.errors import ConfigError
from detector.model.alert import Alert, encode_alert
from detector.model.rollup import Party
from detector.portfolio import Portfolio
from detector.rules.budget import DAY_S, BudgetFacts, forecast, judge
from detector.rules.finding import Context, Standing
from tests.contract import walking
from tests.support.judged import T0, Event, in_order, last
from tests.support.spread import before_the_end, portfolio_of, rollups
from tests.support.stored import Parts, written
from tests.support.worked import completed, merged, spent

HOUR_S = 3600.0


def at(month: int, day: int, hour: float = 0.0) -> float:
    """Seconds from T0 to a time in 2026 (UTC)."""
    return datetime(2026, month, day, tzinfo=UTC).timestamp() + hour * HOUR_S - T0


# The facts: October 2026 begins with a Thursday, so its first weekend is the 3rd and the 4th.


def facts(*by_day: float, limit_usd: float = 1000.0, before: Sequence[float] = (), hour: float = 0.0) -> BudgetFacts:
    """What was used on the days from 1 October on; the last is over, unless `hour` says how far it is."""
    began_t, ends_t = (T0 + at(month, 1) for month in (10, 11))
    t = began_t + len(by_day) * DAY_S - (24.0 - hour) * HOUR_S * (hour > 0.0)
    return BudgetFacts("team", "data", t, began_t, ends_t, limit_usd, by_day, tuple(before), 10, 1000)


def severity(f: BudgetFacts, told: bool = False, **rule: float) -> str | None:
    standing = Standing(f.began_t, 1.0, 1, 1, 0, 1.0, 1, 1) if told else None
    context = Context(
        Rules.model_validate({"budget": rule}), Party(1, "acme", "data"), (), False, True, False, standing
    )
    finding = judge(f, context).finding
    return None if finding is None else finding.severity


NEVER = {"forecast_days": 27}


@pytest.mark.parametrize(
    ("f", "rule", "wanted"),
    [
        (facts(799.0), NEVER, None),  # 79.9 %
        (facts(800.0), NEVER, "warning"),  # 80 %
        (facts(*[0.1] * 8000, limit_usd=1000.0), NEVER, "warning"),  # 80 % in sums that are not exact
        (facts(1500.0), NEVER, "warning"),  # it never pages
        (facts(500.0), {**NEVER, "share": 0.5}, "warning"),
        (facts(32.0, 32.0, before=[32.0] * 28), {}, None),  # 31 days of $32: a forecast of $992
        (facts(33.0, 33.0, before=[33.0] * 28), {}, "warning"),  # of $1,023
        (facts(300.0), {}, None),  # on the first two days nothing is known of the month
        (facts(300.0, 300.0, hour=23.0), {}, None),
        (facts(300.0, 300.0), {}, "warning"),  # from the 3rd day on it is
        (facts(33.0, 33.0, before=[33.0] * 28), {"forecast_days": 3}, None),
        (facts(250.0, 250.0, *[0.0] * 12, limit_usd=1200.0), {}, None),  # ten weekdays at $50, 12 to come: $1,100
        (facts(250.0, 250.0, *[0.0] * 12), {}, "warning"),
    ],
)  # fmt: skip
def test_a_budget_is_a_ticket_from_so_much_of_it_or_where_it_will_not_do(
    f: BudgetFacts, rule: dict[str, float], wanted: str | None
) -> None:
    assert severity(f, **rule) == wanted


def test_once_told_it_is_told_until_the_month_ends() -> None:
    assert severity(facts(5.0), told=True) == "warning"


def test_the_forecast_takes_weekends_apart() -> None:
    by_day = [100.0, 100.0, 10.0, 10.0, 100.0]  # Thursday to Monday
    weekdays, weekends = 22, 9  # of October 2026
    assert forecast(facts(*by_day), 2) == pytest.approx(weekdays * 100.0 + weekends * 10.0)


def test_days_of_a_kind_that_has_not_come_are_as_before_the_month() -> None:
    before = [50.0 if n % 7 in (2, 3) else 999.0 for n in range(28)]  # 3 September is a Thursday
    assert forecast(facts(100.0, 100.0, before=before), 2) == pytest.approx(22 * 100.0 + 9 * 50.0)
    assert forecast(facts(100.0, 100.0), 2) == pytest.approx(22 * 100.0)  # a young team: nothing is made up


def test_a_day_that_is_dearer_than_usual_counts_while_it_is_under_way() -> None:
    quiet, dear = (facts(100.0, 100.0, usd, hour=12.0) for usd in (0.0, 400.0))  # a Saturday
    assert forecast(quiet, 2) == pytest.approx(2200.0)
    assert forecast(dear, 2) == pytest.approx(2600.0)


def test_at_its_end_the_forecast_of_a_month_is_what_was_used() -> None:
    f = facts(*range(31))
    assert forecast(f, 2) == f.used_usd == sum(range(31))


# The stream.


BUDGETS = [{"team": "data", "usd_per_month": 100.0}]
CONFIG = load_config(budgets=BUDGETS)


def told(events: list[Event], config: Config = CONFIG) -> list[Alert]:
    return last(portfolio_of(rollups(in_order(events), config), config)[1], "budget")


def month_of_spend(
    usd: float, month: int = 10, days: Sequence[int] = (1,), team: str = "data", **how: str
) -> list[Event]:
    """Dollars of a team, in two calls on each of these days, evenly."""
    each = usd / len(days) / 2
    return [spent(at(month, day, 8.0 + k), each, f"T-{day}", team=team, **how) for day in days for k in (0, 1)]


LATER = [spent(at(10, 1) + n * DAY_S, 0.01, team="other") for n in range(66)]
"""Time passes, hour by hour, until December."""


def test_a_team_that_has_used_most_of_its_budget_is_a_ticket_with_what_it_was_for() -> None:
    events = [
        *month_of_spend(50.0), completed(at(10, 1, 10.0), "T-1"), *month_of_spend(35.0, days=[2]),
        spent(at(10, 2, 8.5), 5.0, None, team="data"),
    ]  # fmt: skip
    (alert,) = told([*events, *LATER])
    assert (alert.rule, alert.severity, alert.level, alert.team, alert.task) == (
        "budget",
        "warning",
        "team",
        "data",
        None,
    )
    assert alert.evidence["tasks"] == [
        {"task": "T-1", "usd": 50.0, "fate": "shipped"}, {"task": "T-2", "usd": 35.0, "fate": "open"}
    ]  # fmt: skip
    assert {k: alert.evidence[k] for k in ("budget", "used_usd", "limit_usd", "share")} == {
        "budget": "data", "used_usd": 90.0, "limit_usd": 100.0, "share": 0.9
    }  # fmt: skip
    assert alert.opened_at == T0 + at(10, 2, 10.0)  # the full hour after it
    assert alert.runbook_url.endswith("/budget.md")


def test_just_under_is_quiet() -> None:
    assert told([*month_of_spend(79.9, days=[31]), *LATER]) == []


def test_a_forecast_above_the_limit_is_a_ticket_on_the_third_day() -> None:
    (alert,) = told([*month_of_spend(10.0, days=[1, 2]), spent(at(10, 3, 1.0), 0.01, team="other")])
    assert alert.opened_at == T0 + at(10, 3)
    assert (alert.evidence["used_usd"], alert.evidence["forecast_usd"]) == (10.0, 110.0)


def test_a_month_has_one_episode_and_the_next_begins_anew() -> None:
    october, november = month_of_spend(90.0), month_of_spend(81.0, month=11, days=[20])
    alerts = told([*october, *month_of_spend(30.0, days=[9, 30]), *november, *LATER])
    assert [alert.opened_at - T0 for alert in alerts] == [at(10, 1, 10.0), at(11, 20, 10.0)]
    assert [alert.state for alert in alerts] == ["resolved", "resolved"]
    assert alerts[0].evidence["used_usd"] == 120.0
    assert alerts[0].resolved_at == T0 + at(11, 2)  # a day after its month


def test_what_a_month_has_used_is_nothing_in_the_next() -> None:
    assert told([*month_of_spend(79.0, days=[31]), *month_of_spend(79.0, month=11, days=[30]), *LATER]) == []


def test_dollars_of_other_teams_and_those_that_nobody_bills_are_not_of_it() -> None:
    assert told([*month_of_spend(900.0, team="other"), *month_of_spend(900.0, cost_basis="notional"), *LATER]) == []


def test_experiments_have_a_budget_of_their_own_within_the_teams() -> None:
    config = load_config(budgets=[*BUDGETS, {"team": "data", "experiments": True, "usd_per_month": 10.0}])
    events = [*month_of_spend(60.0, days=[30]), *month_of_spend(9.0, days=[31], task_type="experiment")]
    (alert,) = told([*events, *LATER], config)
    assert (alert.evidence["budget"], alert.evidence["used_usd"]) == ("data experiments", 9.0)
    assert [task["fate"] for task in alert.evidence["tasks"]] == ["experiment"]


def test_a_key_has_a_budget_whichever_team_uses_it() -> None:
    config = load_config(budgets=[{"key": "k-1", "name": "ci", "usd_per_month": 100.0}])
    events = [*month_of_spend(45.0, key="k-1"), *month_of_spend(45.0, team="other", key="k-1"), *month_of_spend(500.0)]
    (alert,) = told([*events, *LATER], config)
    assert (alert.level, alert.key, alert.team, alert.evidence["budget"]) == ("key", "k-1", None, "ci")
    walking.validator("detector.alerts").validate(json.loads(encode_alert(alert)))
    assert alert.evidence["used_usd"] == 90.0


def test_a_rule_that_is_off_says_nothing() -> None:
    rules = {"budget": {"enabled": False}}
    assert told([*month_of_spend(90.0), *LATER], load_config(budgets=BUDGETS, rules=rules)) == []


@pytest.mark.parametrize("seed", range(3))
def test_restarts_change_no_alert(seed: int) -> None:
    dice = random.Random(seed)
    events = [
        spent(at(10, 1) + dice.uniform(0, 40 * DAY_S), dice.uniform(0.5, 6.0), f"T-{n % 7}", team="data", run=f"r{n}")
        for n in range(60)
    ]
    came = rollups(in_order([*events, merged(at(10, 20), "d1", "T-1"), *LATER]), CONFIG)
    portfolio, stored, held, alerts, n = Portfolio(CONFIG), Parts(), -1, list[Alert](), 0
    while n < len(came):
        alerts += portfolio.process(came[n].value, n).alerts
        if dice.random() < 0.1:
            stored, held = written(portfolio, stored), n
        if held >= 0 and dice.random() < 0.05:
            portfolio, n = Portfolio.restore(CONFIG, 0, held, stored), held
        n += 1
    told = {(a.id, a.version): a for a in portfolio_of(came, CONFIG)[1]}
    assert {(a.id, a.version): a for a in alerts} == told
    assert len({a.id for a in told.values() if a.rule == "budget"}) == 2


def test_how_budgets_stand_is_shown_where_their_tenant_is_known() -> None:
    config = load_config(
        budgets=[
            *BUDGETS,
            {"tenant": "elsewhere", "team": "data", "usd_per_month": 5.0},
            {"team": "idle", "usd_per_month": 5.0},
        ]
    )
    events = [*month_of_spend(20.0, days=[1, 2]), spent(at(10, 2, 20.0), 0.0, team="data")]
    early = portfolio_of(before_the_end(rollups(events, config)), config)[0].budgets.states()
    assert early == {("default", "data", "data"): (100.0, 20.0, None)}
    events.append(spent(at(10, 3, 2.5), 1.0, team="data"))
    late = portfolio_of(before_the_end(rollups(events, config)), config)[0].budgets.states()
    assert late == {("default", "data", "data"): (100.0, 21.0, 20.0 + 1.0 + 20 * 10.0)}


# The configuration.


@pytest.mark.parametrize(
    ("budget", "fault"),
    [
        ({"usd_per_month": 5}, "needs team or key, one of them"),
        ({"team": "a", "key": "k", "usd_per_month": 5}, "needs team or key, one of them"),
        ({"key": "k", "usd_per_month": 5}, "a budget of a key needs a name"),
        ({"key": "k", "name": "ci", "experiments": True, "usd_per_month": 5}, "experiments is for a budget of a team"),
        ({"team": "a", "usd_per_month": 0}, "greater than 0"),
        ({"team": "data", "usd_per_month": 7}, "two budgets of a tenant have the same name"),
    ],
)
def test_a_budget_that_cannot_be_meant_is_a_fault(budget: dict[str, object], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        load_config(budgets=[*BUDGETS, budget])


def test_budgets_are_printed_so_that_they_load_again(tmp_path) -> None:
    file = tmp_path / "detector.toml"
    file.write_text(to_toml(CONFIG))
    assert load_config(file).budgets == CONFIG.budgets


def test_a_budget_changes_the_digest() -> None:
    assert CONFIG.digest() != Config().digest()
