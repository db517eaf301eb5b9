"""What arrives at a webhook, in Slack, in PagerDuty and by mail, by our configuration of a real Alertmanager."""

import asyncio
import subprocess
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

from detector.alerts.alertmanager import Posted, rfc3339
from detector.kafka.clients import producer
from detector.metrics import Metrics
from detector.model.alert import encode_alert
from detector.pipeline.notify import NotifyStage
from tests.e2e.pager import until
from tests.e2e.paging import COMMAND, Paging, recent
from tests.support.brokers import Kafka
from tests.support.paged import errors, parts, plain
from tests.support.services import program
from tests.support.stages import running
from tests.unit.alert_records import OPENED_S, alert

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

    async with running(NotifyStage(config, Metrics(config.metrics))):
        await tell()
        await until(lambda: len(paging.desk.webhooks) == 1)
        await tell(version=2, state="resolved", updated_at=opened + 90, resolved_at=opened + 90, cost_usd=13.0)
        await until(lambda: len(paging.desk.webhooks) == 2)

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


async def test_a_silence_of_the_link_keeps_this_episode_quiet_when_it_escalates_and_no_other(paging: Paging) -> None:
    """Debian's Alertmanager has no pages, so the link's matchers are given to amtool in place of the form."""
    ticket, other = recent(**FACTS, severity="warning"), recent(id="e2", group="g2")
    await paging.tell(ticket, other)
    await until(lambda: len(paging.desk.webhooks) == 1 and len(paging.desk.pages) == 1)
    (one,) = paging.desk.webhooks[0][1]["alerts"]
    (matchers,) = parse_qs(urlsplit(one["annotations"]["silence_url"]).fragment.partition("?")[2])["filter"]
    await asyncio.to_thread(_silence, paging.there.url, matchers.strip("{}"))
    await paging.tell_escalated(ticket, recent(**FACTS, version=2, state="update"))
    await until(lambda: {a["labels"]["severity"] for a in paging.there.alerts()} == {"critical"})
    await paging.settled()
    states = {a["labels"]["episode"]: a["status"]["state"] for a in paging.there.alerts()}
    assert states == {"e1": "suppressed", "e2": "active"}
    assert len(paging.desk.pages) == 1


def _silence(url: str, matcher: str) -> None:
    told = [f"--alertmanager.url={url}", "--author=test", "--comment=known", "--duration=1h", matcher]
    path = program("amtool", package="prometheus-alertmanager")
    subprocess.run([path, "silence", "add", *told], check=True, capture_output=True, timeout=30)


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
