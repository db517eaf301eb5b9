"""Names that are made to do harm arrive as text, by each way that a real Alertmanager tells of them."""

from typing import Any

import pytest

from tests.e2e.pager import until
from tests.e2e.paging import Paging, recent
from tests.support.paged import errors, parts, plain

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
