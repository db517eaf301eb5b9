"""Repeatable fleets that spend: some days of ordinary work with statuses, then an hour that costs far more."""

import random

from tests.support.judged import Event, call, status

HOUR_S, DAY_S = 3600.0, 86_400.0


def working_day(
    agent: str, team: str, task: str, begin: float, hours: int, usd: float, chance: random.Random
) -> list[Event]:
    """Active hours of one agent on one task: ten calls each, and a strong status now and then."""
    events: list[Event] = []
    for hour in range(hours):
        for k in range(10):
            t = begin + hour * HOUR_S + 360.0 * k + chance.uniform(0, 300)
            cost = usd / 10 * chance.uniform(0.5, 1.5)
            events.append(
                call(
                    t,
                    run=f"{agent}-{begin:.0f}",
                    agent=agent,
                    team=team,
                    task=task,
                    cost_usd=cost,
                    output={"text": f"{t}"},
                )
            )
        if hour % 2:
            events.append(status(begin + hour * HOUR_S + 3500.0, task))
    return events


def spike(agent: str, team: str, task: str | None, begin: float, usd: float, chance: random.Random) -> list[Event]:
    """An hour of 120 calls that cost so much in all."""
    more = {"task": task} if task else {}
    return [
        call(
            begin + 30.0 * k + chance.uniform(0, 25), run=f"{agent}-spike", agent=agent, team=team,
            cost_usd=usd / 120, output={"text": f"{agent} {k}"}, **more,
        )
        for k in range(120)
    ]  # fmt: skip


def spiking_fleet(seed: int = 1, days: int = 4) -> list[Event]:
    """Six agents in two teams; of one the task stands still while it spends twentyfold, of another it is merged."""
    chance = random.Random(seed)
    events: list[Event] = []
    for n in range(6):
        team = f"team-{n % 2}"
        for day in range(days):
            begin = (day - days) * DAY_S
            events += working_day(f"agent-{n}", team, f"{team}-T{n}-{day}", begin, 9, 2.0 + n / 2, chance)
    events += spike("agent-0", "team-0", "stuck", 0.0, 60.0, chance)
    events += spike("agent-1", "team-1", "shipped", 0.0, 60.0, chance)
    events += [status(t, "shipped", category="completed") for t in (900.0, 2000.0)]
    events += spike("agent-3", "team-1", None, 7200.0, 60.0, chance)
    events += working_day("agent-5", "team-1", "after", 10 * HOUR_S, 6, 3.0, chance)
    return sorted(events, key=lambda e: e["time"])
