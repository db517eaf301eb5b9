"""One thing is one page: what is grouped, and what is silenced by what is told already, by a real Alertmanager."""

import time
from typing import Any

from detector.model.alert import Alert
from tests.e2e.pager import until
from tests.e2e.paging import Paging, recent
from tests.support.judged import Event, in_order, judge, last, steps, tool
from tests.support.paged import errors, plain


def prompt_that_loops(runs: int) -> list[Event]:
    """The same steps in each run, and every run is on a task of its own."""
    failing = tool("edit", error="no such line", line=12)
    return in_order(
        event | {"time": event["time"] + n * 0.01}
        for n in range(runs)
        for event in steps(*[failing] * 5, run=f"run-{n}", task=f"task-{n}")
    )


async def test_a_prompt_that_loops_in_400_runs_gives_one_page(paging: Paging) -> None:
    loops = [found for found in last(judge(prompt_that_loops(400)), "loop") if found.severity == "critical"]
    assert len({(found.run, found.task) for found in loops}) == 400
    assert len({found.group for found in loops}) == 1
    now = time.time()
    told = [_moved(found, now) for found in loops]
    await paging.tell(*told[:100])
    await until(lambda: len(paging.desk.pages) == 1)
    await paging.tell(*told[100:])
    await until(lambda: paging.desk.pages[-1][1]["payload"]["custom_details"]["num_firing"] == "400")
    assert len({page["dedup_key"] for _, page in paging.desk.pages}) == 1
    page = paging.desk.pages[-1][1]["payload"]
    assert page["summary"].startswith("[PAGE x400] loop: agent agent, team team")
    assert "These are 5 of 400." in page["custom_details"]["firing"]
    assert len(plain(page)) < 30_000
    assert errors(paging.log) == []


def test_runs_that_loop_alike_are_one_group_wherever_in_the_cycle_they_are_seen() -> None:
    cycle = [tool("read", result="the same", path="/a"), tool("test", error="1 failed"), tool("think", result="hm")]

    def groups(**fields: Any) -> set[str]:
        told = {"run": "run-1", "task": "T-1", "user": "mara", **fields}
        return {
            found.group for found in judge(steps(*(cycle * 8)[told.pop("skip", 0) :], **told)) if found.rule == "loop"
        }

    (one,) = groups()
    assert groups(run="run-2", task="T-2", user="noah") == {one}
    assert groups(run="run-3", skip=1) == groups(run="run-4", skip=2) == {one}
    assert groups(agent="another") != {one}


def _moved(found: Alert, now: float) -> Alert:
    """The record as of now, as open: events of tests are of another day."""
    found.opened_at, found.updated_at, found.state, found.resolved_at = now - 60, now, "update", None
    return found


async def test_a_runaway_team_gives_one_page_whether_its_agents_or_itself_come_first(paging: Paging) -> None:
    spikes = [
        recent(rule="spend_spike", level="agent", id=f"a{n}", agent=f"agent-{n}", run=None, group=f"g{n}")
        for n in range(30)
    ]
    await paging.tell(*spikes[:10])
    await until(lambda: len(paging.desk.pages) == 1)
    team = recent(rule="spend_spike", level="team", id="t", agent=None, run=None, group="gt")
    await paging.tell(team, *spikes[10:])
    await until(lambda: len(paging.desk.pages) == 2)
    await paging.settled()
    assert len({page["dedup_key"] for _, page in paging.desk.pages}) == 1
    newest = paging.desk.pages[-1][1]["payload"]["custom_details"]
    assert newest["num_firing"] == "1"
    assert "team search, tenant acme" in newest["firing"]


# What silences what: (already told, what comes, whether it is silenced)

TASK, OTHER, NONE = {"task": "T-1"}, {"task": "T-2"}, {"task": None}
RUN_SPIKE = {"rule": "spend_spike", "level": "run"}
TASK_SPIKE = {"rule": "spend_spike", "level": "task", "run": None}
AGENT_SPIKE = {"rule": "spend_spike", "level": "agent", "run": None}
TEAM_SPIKE = {"rule": "spend_spike", "level": "team", "run": None, "agent": None}
INFLATION = {"rule": "run_inflation", "level": "task", "run": None, "severity": "warning"}
WARNING, INFO = {"severity": "warning"}, {"severity": "info"}
NO_TEAM, OTHER_TEAM = {"team": None}, {"team": "payments"}

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "a loop silences its task's spike": (TASK, TASK_SPIKE | TASK, True),
    "a loop silences the spike of a run of its task": (TASK, RUN_SPIKE | TASK, True),
    "a loop silences its task's run_inflation": (TASK, INFLATION | TASK, True),
    "a loop's warning silences a warning": (TASK | WARNING, INFLATION | TASK, True),
    "a loop's warning silences no page": (TASK | WARNING, TASK_SPIKE | TASK, False),
    "a loop's info silences no page": (TASK | INFO, TASK_SPIKE | TASK, False),
    "a loop's info silences no ticket": (TASK | INFO, INFLATION | TASK, False),
    "a loop leaves another task's spike": (TASK, TASK_SPIKE | OTHER, False),
    "a loop leaves another tenant's spike": (TASK, TASK_SPIKE | TASK | {"tenant": "globex"}, False),
    "a loop without a task leaves a spike without one": (NONE, RUN_SPIKE | NONE, False),
    "a loop without a task leaves a task's spike": (NONE, TASK_SPIKE | TASK, False),
    "a loop leaves other rules": (TASK, {"rule": "redundant_work", **TASK, **WARNING}, False),
    "a loop leaves another loop of its task": (TASK, {"rule": "loop", "run": "run-8", **TASK}, False),
    "a spike silences no loop": (TASK_SPIKE | TASK, {"rule": "loop", **TASK}, False),
    "a team's spike silences its agents'": (TEAM_SPIKE, AGENT_SPIKE, True),
    "a team's spike silences its tasks'": (TEAM_SPIKE, TASK_SPIKE | TASK, True),
    "a team's spike leaves its loops": (TEAM_SPIKE, {"rule": "loop"}, False),
    "a team's warning silences no page": (TEAM_SPIKE | WARNING, AGENT_SPIKE, False),
    "a team's warning silences a warning": (TEAM_SPIKE | WARNING, AGENT_SPIKE | WARNING, True),
    "a team's spike leaves another team's agents": (TEAM_SPIKE, AGENT_SPIKE | OTHER_TEAM, False),
    "a team's spike leaves another tenant's team of that name": (TEAM_SPIKE, AGENT_SPIKE | {"tenant": "globex"}, False),
    "a spike of no team leaves agents of none": (TEAM_SPIKE | NO_TEAM, AGENT_SPIKE | NO_TEAM, False),
    "a team's spike leaves its model's": (TEAM_SPIKE, {"rule": "spend_spike", "level": "model", **WARNING}, False),
    "an agent's spike leaves its team's": (AGENT_SPIKE, TEAM_SPIKE, False),
}  # fmt: skip


async def test_what_is_told_by_another_alert_is_silenced_and_nothing_else(paging: Paging) -> None:
    """All pairs at once, each with a tenant of its own."""
    told = []
    for n, (source, target, _) in enumerate(CASES.values()):
        told.append(recent(id=f"source-{n}", **{"tenant": f"tenant-{n}", **source}))
        told.append(recent(id=f"target-{n}", **{"tenant": f"tenant-{n}", **target}))
    await paging.tell(*told)
    await paging.settled()
    states = {each["labels"]["episode"]: each["status"] for each in paging.there.alerts()}
    assert {case: bool(states[f"target-{n}"]["inhibitedBy"]) for n, case in enumerate(CASES)} == {
        case: silenced for case, (_, _, silenced) in CASES.items()
    }
    both = [
        n for n in range(len(CASES)) if states[f"source-{n}"]["inhibitedBy"] and states[f"target-{n}"]["inhibitedBy"]
    ]
    assert both == []  # two that silence each other would be told by nobody
