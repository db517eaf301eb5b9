"""What arrives at a webhook, in Slack, in PagerDuty and by mail, by our configuration of a real Alertmanager."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from detector.alerts.alertmanager import Posted, rfc3339
from detector.kafka.clients import producer
from detector.metrics import Metrics
from detector.model.alert import Alert, encode_alert
from detector.pipeline.notify import NotifyStage
from tests.e2e.pager import until
from tests.e2e.paging import COMMAND, Paging, recent
from tests.support.alertmanager import Alertmanager
from tests.support.brokers import Kafka
from tests.support.judged import Event, in_order, judge, last, steps, tool
from tests.support.paged import desk, errors, parts, plain
from tests.unit.alert_records import OPENED_S, alert


@pytest.fixture
async def paging(alertmanager: Callable[..., Alertmanager], tmp_path: Path) -> AsyncIterator[Paging]:
    async with desk() as there:
        running = await asyncio.to_thread(alertmanager, there.config(tmp_path))
        try:
            yield Paging(running, there, running.log)
        finally:
            running.kill()


FACTS = {
    "task": "PAY-1312",
    "user": "u-bca97d83f2de",
    "summary": "indexer repeats edit_file with the same failure, 12 times",
    "since_status_change_s": 7200.0,
    "usual_usd_per_hour": 2.5,
    "evidence": {"since": OPENED_S - 600, "moves": [{"t": OPENED_S - 7200, "strength": "strong"}]},
}
"""Of an alert: each of them has to arrive."""

TOLD = [
    "indexer repeats edit_file with the same failure, 12 times",
    "agent indexer, team search, tenant acme, task PAY-1312, run run-7, person u-bca97d83f2de",
    "2025-10-09 08:43 UTC",
    "2025-10-09 06:53 UTC",
    "$12.50 in 12 calls",
    "$40.00",
    "$2.50",
    "88dc28d0f030c55ed4ab77ed8faf098196cb1c05",
    "/key/block",
    "https://pages.example/incidents/e1",
    "https://boards.example/d/detector-team?var-tenant=acme&var-team=search",
    "https://example.org/runbooks/loop.md",
    "https://alerts.example/#/silences/new?filter=%7Bepisode%3D%22e1%22%7D",
]


async def test_what_arrives_by_webhook_is_this_firing_and_resolved(kafka: Kafka, paging: Paging) -> None:
    """From the record on Kafka through notify and Alertmanager to a service."""
    opened = float(int(time.time()) - 120)
    topic = kafka.topic("alerts", 2, cleanup_policy="compact,delete")
    config = kafka.config(
        create=False,
        topics={"alerts": topic},
        notify={
            "alertmanagers": [paging.there.url],
            "silence_url": "https://alerts.example",
            "stop_command": "stop {agent} --run {run}",
        },
        web={"public_url": "https://pages.example", "grafana_url": "https://boards.example"},
    )

    async def tell(**fields: Any) -> None:
        told = alert(severity="warning", **{**FACTS, "opened_at": opened, "updated_at": opened + 60, **fields})
        async with producer(kafka.config(create=False)) as sender:
            await sender.send_and_wait(topic, encode_alert(told), key=told.id.encode())

    stage = NotifyStage(config, Metrics(config.metrics))
    try:
        await stage.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(stage.run())
            await tell()
            await until(lambda: len(paging.desk.webhooks) == 1)
            await tell(version=2, state="resolved", updated_at=opened + 90, resolved_at=opened + 90, cost_usd=13.0)
            await until(lambda: len(paging.desk.webhooks) == 2)
            await stage.stop()
    finally:
        await stage.stop()

    (name, fired), (_, resolved) = paging.desk.webhooks
    assert name == "ticket"
    assert paging.desk.authorization == {"Bearer the-key-of-the-service"}
    assert _known(fired) == _expected("firing", opened, None, cost_usd="12.50")
    assert _known(resolved) == _expected("resolved", opened, opened + 90, cost_usd="13.00")


def _known(told: dict[str, Any]) -> dict[str, Any]:
    """Without what Alertmanager makes up: its own address, hashes of labels."""
    (one,) = told["alerts"]
    assert one.pop("fingerprint")
    assert told.pop("externalURL")
    assert told.pop("groupKey").startswith('{}/{severity="warning"}:')
    return told


def _expected(status: str, opened: float, ended: float | None, **annotations: str) -> dict[str, Any]:
    labels = {
        "alertname": "loop",
        "rule": "loop",
        "class": "repeat",
        "severity": "warning",
        "level": "run",
        "tenant": "acme",
        "team": "search",
        "agent": "indexer",
        "task": "PAY-1312",
        "run": "run-7",
        "group": "acme/search/indexer",
        "episode": "e1",
    }
    told = {
        "summary": FACTS["summary"],
        "who": "agent indexer, team search, tenant acme, task PAY-1312, run run-7, person u-bca97d83f2de",
        "user": "u-bca97d83f2de",
        "since": "2025-10-09 08:43 UTC",
        "moved": "2025-10-09 06:53 UTC",
        "since_status_change": "2 h 0 min",
        "opened_at": _time(opened, ".000Z"),
        "burn_usd_per_hour": "40.00",
        "usual_usd_per_hour": "2.50",
        "calls": "12",
        "tokens": "90000",
        "evidence": '{"since":1759999400.0,"moves":[{"t":1759992800.0,"strength":"strong"}]}',
        "stop_command": "stop indexer --run run-7",
        "incident_url": "https://pages.example/incidents/e1",
        "board_url": "https://boards.example/d/detector-team?var-tenant=acme&var-team=search",
        "runbook_url": "https://example.org/runbooks/loop.md",
        "silence_url": "https://alerts.example/#/silences/new?filter=%7Bepisode%3D%22e1%22%7D",
        **annotations,
    }
    one = {
        "status": status,
        "labels": labels,
        "annotations": told,
        "startsAt": _time(opened, "Z"),
        "endsAt": "0001-01-01T00:00:00Z" if ended is None else _time(ended, "Z"),
        "generatorURL": "",
    }
    return {
        "receiver": "ticket",
        "status": status,
        "alerts": [one],
        "groupLabels": {name: labels[name] for name in ("alertname", "tenant", "team", "group")},
        "commonLabels": labels,
        "commonAnnotations": told,
        "version": "4",
        "truncatedAlerts": 0,
    }


def _time(t: float, end: str) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(t)) + end


async def test_a_page_holds_each_fact_in_pagerduty_and_in_slack(paging: Paging) -> None:
    page = recent(**FACTS)
    await paging.tell(page)
    await until(lambda: bool(paging.desk.pages and paging.desk.slack))
    (where, pagerduty), (channel, slack) = paging.desk.pages[0], paging.desk.slack[0]
    assert (where, channel) == ("pager", "pager")
    told = pagerduty["payload"]["custom_details"]
    assert [fact for fact in TOLD if fact not in told["firing"]] == []
    assert f"Stop it: {COMMAND.replace('{key_json}', '')}'{{" in told["firing"]
    assert pagerduty["payload"]["severity"] == "critical"
    assert pagerduty["payload"]["summary"] == (
        "[PAGE] loop: agent indexer, team search, tenant acme, task PAY-1312, run run-7, person u-bca97d83f2de: "
        "$12.50 burnt, $40.00 an hour"
    )
    assert pagerduty["client_url"] == "https://pages.example/incidents/e1"
    assert [link["text"] for link in pagerduty["links"]] == ["Runbook", "Silence", "Board"]
    (attachment,) = slack["attachments"]
    shown = attachment["text"].replace("&amp;", "&")
    assert [fact for fact in TOLD if fact not in shown] == []
    assert attachment["title"] == pagerduty["payload"]["summary"]
    assert (attachment["title_link"], attachment["color"]) == ("https://pages.example/incidents/e1", "danger")

    await paging.tell(recent(**FACTS, version=2, state="resolved", resolved_at=time.time()))
    await until(lambda: len(paging.desk.pages) == 2 and len(paging.desk.slack) == 2)
    over, slack = paging.desk.pages[1][1], paging.desk.slack[1][1]
    assert (over["event_action"], over["dedup_key"]) == ("resolve", pagerduty["dedup_key"])
    assert "Over: 20" in over["payload"]["custom_details"]["resolved"]
    assert "Stop it" not in plain(over) + plain(slack)
    assert slack["attachments"][0]["title"].startswith("[OVER] loop: agent indexer")
    assert slack["attachments"][0]["color"] == "good"
    assert errors(paging.log) == []


async def test_a_ticket_holds_each_fact_by_mail_as_html_and_as_text(paging: Paging) -> None:
    await paging.tell(recent(**FACTS, severity="warning"))
    await until(lambda: bool(paging.desk.mails and paging.desk.slack and paging.desk.webhooks))
    (mail,) = paging.desk.mails
    told = parts(mail)
    assert [fact for fact in TOLD if fact not in told["text/plain"]] == []
    shown = told["text/html"].replace("&amp;", "&").replace("&#34;", '"').replace("&#39;", "'")
    assert [fact for fact in TOLD if fact not in shown] == []
    assert COMMAND.replace("{key_json}", "") in shown
    assert "[TICKET] loop: agent indexer" in str(mail["Subject"])
    assert errors(paging.log) == []


async def test_an_escalation_pages_and_its_ticket_does_not_read_as_over(paging: Paging) -> None:
    ticket = recent(**FACTS, severity="warning")
    await paging.tell(ticket)
    await until(lambda: len(paging.desk.mails) == 1)
    await paging.tell_escalated(ticket, recent(**FACTS, version=2, state="update"))
    await until(lambda: len(paging.desk.mails) == 2 and len(paging.desk.pages) == 1)
    told = parts(paging.desk.mails[1])
    assert "NOW CRITICAL" in told["text/plain"]
    assert "Over: it is critical now, and told as that" in told["text/plain"]
    assert "it is critical now" in told["text/html"]
    assert errors(paging.log) == []


HELD_BACK = {"severity": "critical", "rule": "pages_held_back", "level": "tenant", "tenant": "acme", "group": "held"}
OTHERS = [
    (
        {"alertname": "DetectorDown", "severity": "critical", "job": "detector"},
        {
            "summary": "No worker answers.",
            "description": "Look at its log.",
            "runbook_url": "https://r.example/down.md",
        },
        "[PAGE] DetectorDown: No worker answers.",
    ),
    (
        {"alertname": "pages_held_back", "episode": "h1", **HELD_BACK},
        {
            "summary": "acme: 2 held back",
            "held_back": "loop: one\nloop: two",
            "cost_usd": "9.00",
            "burn_usd_per_hour": "3.00",
        },
        "[PAGE] pages_held_back: acme: 2 held back: $9.00 burnt, $3.00 an hour",
    ),
    (
        {"alertname": "DetectorBehind", "severity": "warning"},
        {"summary": "watch is 2m behind.", "description": "Add workers.", "runbook_url": "https://r.example/behind.md"},
        "[TICKET] DetectorBehind: watch is 2m behind.",
    ),
]
"""Alerts that are no episodes: labels, annotations, and the title that they come to."""


async def test_alerts_that_are_no_episodes_arrive_as_whole(paging: Paging) -> None:
    now = time.time()
    await paging.post([Posted(labels, told, rfc3339(now - 1), rfc3339(now + 60)) for labels, told, _ in OTHERS])
    there = paging.desk
    await until(lambda: len(there.pages) == 2 and len(there.slack) == 3 and len(there.mails) == 1)
    titles = {slack["attachments"][0]["title"] for _, slack in there.slack}
    assert titles == {title for _, _, title in OTHERS}
    texts = [page["payload"]["custom_details"]["firing"] for _, page in there.pages]
    texts += [parts(mail)["text/plain"] for mail in there.mails]
    for _, told, _ in OTHERS:
        facts = [told[name] for name in ("summary", "description", "held_back", "runbook_url") if name in told]
        assert any(all(fact in text.replace("\r\n", "\n") for fact in facts) for text in texts)
    assert not any(word in text for text in texts for word in ("Who:", "Since:", "Its task moved", "Stop it"))
    assert errors(paging.log) == []


# One page for what is one thing


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


# Hostile names

BIDI = "abc\u202edef"
NAMES = {
    "script": "<script>alert(1)</script>",
    "attribute": '"><img src=x onerror=alert(1)>',
    "mention": "<!channel> <https://evil.example|click>",
    "code": "`code` ```block``` *bold*",
    "template": '{{ template "detector.title" . }}',
    "lines": "a\nSubject: other\r\n.\r\nb",
    "direction": BIDI,
    "long": "x" * 10_000,
    "shell": "$(id); '\"; rm -rf /",
}


@pytest.mark.parametrize("severity", ["critical", "warning"])
async def test_hostile_names_arrive_as_text_and_nothing_else(paging: Paging, severity: str) -> None:
    told = [
        recent(
            id=f"e-{kind}", group=f"g-{kind}", severity=severity, agent=name, team=name, user=name, task=name, key=name,
            run=name, summary=f"{name} repeats {name}", evidence={name: name}, runbook_url=f"https://r.example/{name}",
        )
        for kind, name in NAMES.items()
    ]  # fmt: skip
    await paging.tell(*told)
    many, there = len(NAMES), paging.desk
    if severity == "critical":
        await until(lambda: len(there.pages) == many and len(there.slack) == many)
        assert all(len(page["payload"]["summary"]) <= 1024 for _, page in there.pages)
    else:
        await until(lambda: len(there.mails) == many and len(there.slack) == many and len(there.webhooks) == many)
        for mail in there.mails:
            _harmless_in_mail(parts(mail)["text/html"], str(mail["Subject"]))
    for _, slack in there.slack:
        _harmless_in_slack(slack["attachments"][0])
    everything = plain({"all": [there.pages, there.slack, there.webhooks, [parts(mail) for mail in there.mails]]})
    assert "\u202e" not in everything
    assert "x" * 2500 not in everything
    assert errors(paging.log) == []


def _harmless_in_mail(html: str, subject: str) -> None:
    assert "<script" not in html
    assert "<img" not in html
    assert html.count("<a href=") == html.count("</a>") == _links(html)
    assert "\n" not in subject.replace("\n ", "")


def _harmless_in_slack(attachment: dict[str, Any]) -> None:
    assert "<" not in attachment["title"]
    text = attachment["text"]
    assert "<!" not in text
    assert "<https://evil" not in text
    assert text.count("<") == text.count(">") == _links(text)
    assert text.count("```") in (0, 2)


def _links(text: str) -> int:
    """Incident, board, runbook and silence; a link that would be too long is left out."""
    return 3 if "xxx" in text else 4
