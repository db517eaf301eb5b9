"""What becomes of deliveries of Jira and Linear, and of CDEvents."""

import base64
import json
from typing import Any

import pytest

from detector.errors import BadInput
from detector.model.events import Status
from tests.support import hooks
from tests.support.hooks import AT_S, NOW, Sent, cdevent, jira, linear, received, receiver

pytestmark = pytest.mark.usefixtures("bare_environment")


def one(sent: Sent) -> Status:
    (status,) = received(sent).events
    assert isinstance(status, Status)
    return status


class TestJira:
    @pytest.mark.parametrize(
        ("to", "jiras", "resolution", "category"),
        [
            ("In Progress", "indeterminate", None, "started"),
            ("Under Construction", "indeterminate", None, "started"),
            ("Ready for QA", "new", None, "planned"),
            ("Delivered", "done", None, "completed"),
            ("Done", "done", "Won't Do", "not_planned"),
            ("Done", "done", "Duplicate", "duplicate"),
            ("Done", "done", "Done", "completed"),
            ("Unheard of", "undefined", None, None),
        ],
    )
    def test_the_category_is_that_of_the_status_or_jiras_own(self, to, jiras, resolution, category) -> None:
        status = one(jira("Backlogged", to, jiras, resolution))
        assert (status.task, status.from_, status.to, status.category) == ("PAY-1312", "Backlogged", to, category)
        assert (status.strength, status.time, status.source) == ("strong", AT_S, "jira")

    def test_within_a_category_it_is_medium(self) -> None:
        assert one(jira("In Progress", "In Review", "indeterminate")).strength == "medium"

    @pytest.mark.parametrize(
        ("user", "actor"),
        [
            ({}, "human"),
            ({"accountType": "app", "displayName": "Automation for Jira"}, "system"),
            ({"accountType": "app", "displayName": "claude[bot]"}, "agent"),
        ],
    )
    def test_whose_doing_it_was_is_told_by_the_account(self, user: dict[str, str], actor: str) -> None:
        assert one(jira("To Do", "Done", **user)).actor == actor

    def test_a_change_of_anything_else_tells_nothing(self) -> None:
        sent = jira("To Do", "Done")
        sent.said["changelog"]["items"].pop()
        assert received(sent).events == []


class TestLinear:
    @pytest.mark.parametrize(
        ("state", "type", "category"),
        [
            ("Triage", "triage", "backlog"),
            ("Icebox", "backlog", "backlog"),
            ("Next", "unstarted", "planned"),
            ("Cooking", "started", "started"),
            ("Served", "completed", "completed"),
            ("Binned", "canceled", "not_planned"),
            ("Twin", "duplicate", "duplicate"),
            ("Done", "unstarted", "completed"),
        ],
    )
    def test_the_category_is_that_of_the_state_or_linears_own(self, state: str, type: str, category: str) -> None:
        status = one(linear(state, type))
        assert (status.task, status.to, status.category, status.strength) == ("PAY-1312", state, category, "strong")
        assert status.time == AT_S

    def test_an_apps_doing_is_the_systems_or_an_agents(self) -> None:
        assert one(linear("Done", "completed", type="OauthClient", name="Sync")).actor == "system"
        assert one(linear("Done", "completed", type="OauthClient", name="Copilot")).actor == "agent"

    @pytest.mark.parametrize(
        ("key", "value"), [("updatedFrom", {"title": "x"}), ("action", "create"), ("type", "Project")]
    )
    def test_a_change_of_anything_else_tells_nothing(self, key: str, value: Any) -> None:
        sent = linear("Done", "completed")
        sent.said[key] = value
        sent.said["data"] = ["of another shape"]
        assert received(sent).events == []


class TestCDEvents:
    @pytest.mark.parametrize(
        ("sent", "strength", "to", "category", "actor"),
        [
            (cdevent("change.merged"), "strong", "merged", "completed", None),
            (cdevent("change.created"), "medium", "change opened", None, None),
            (cdevent("pipelinerun.finished", outcome="success"), "medium", "green", None, "system"),
            (cdevent("pipelinerun.finished", outcome="pass"), "medium", "green", None, "system"),
            (cdevent("service.deployed", environment={"id": "prod"}), "strong", "deployed", "completed", "system"),
            (cdevent("service.deployed", environment={"id": "test123"}), "medium", "deployed", None, "system"),
            (cdevent("service.rolledback", environment={"id": "prod"}), "strong", "rolled back", "started", "system"),
            (cdevent("ticket.closed", resolution="completed"), "strong", "completed", "completed", None),
            (cdevent("ticket.closed", resolution="won't do"), "strong", "won't do", "not_planned", None),
            (cdevent("ticket.closed"), "strong", "closed", "completed", None),
            (cdevent("ticket.closed", updatedBy="claude[bot]"), "strong", "closed", "completed", "agent"),
            (cdevent("incident.resolved"), "strong", "resolved", "completed", None),
        ],
    )
    def test_each_moves_its_task(self, sent, strength, to, category, actor) -> None:
        status = one(sent)
        assert (status.task, status.strength, status.to) == ("PAY-1312", strength, to)
        assert (status.category, status.actor, status.time, status.tenant) == (category, actor, AT_S, "acme")

    @pytest.mark.parametrize(
        "sent",
        [
            cdevent("pipelinerun.finished", outcome="failure"),
            cdevent("ticket.updated"),
            cdevent("change.abandoned"),
            cdevent("change.merged", id="1234"),
        ],
    )
    def test_what_moves_none_tells_nothing(self, sent: Sent) -> None:
        assert received(sent).events == []

    def test_the_sender_may_name_the_task(self) -> None:
        assert one(cdevent("change.merged", id="1234", custom={"task": "acme/shop#12"})).task == "acme/shop#12"

    def test_a_ticket_of_any_name_is_the_task(self) -> None:
        assert one(cdevent("ticket.closed", id="ticket-123")).task == "ticket-123"

    def test_alone_structured_encoded_and_many_are_the_same(self) -> None:
        envelope = cdevent("change.merged").said
        inner = envelope["data"]
        encoded = {**envelope, "data": None, "data_base64": base64.b64encode(json.dumps(inner).encode()).decode()}
        binary = {"ce-specversion": "1.0", "ce-type": inner["context"]["type"], "ce-id": "e1", "ce-source": "/ci"}
        (status,) = receiver().receive("cdevents", binary, json.dumps(inner).encode(), NOW, "acme").events
        for said in (envelope, encoded, [envelope], [inner]):
            assert received(Sent("cdevents", said)).events == [status]

    def test_each_of_many_is_judged_by_itself(self) -> None:
        good, bad = cdevent("change.merged").said, {"context": 5}
        first, second = received(Sent("cdevents", [bad, good])).events
        assert isinstance(first, BadInput)
        assert isinstance(second, Status)

    def test_too_many_are_refused(self) -> None:
        (bad,) = received(Sent("cdevents", [{}] * 1001)).events
        assert isinstance(bad, BadInput)

    def test_it_needs_no_configuration_and_is_of_the_tenant_of_its_token(self) -> None:
        by = receiver(hooks.config(github={}, gitlab={}, jira={}, linear={}))
        events = by.receive("cdevents", {}, cdevent("change.merged").body, NOW, "globex").events
        assert [event.tenant for event in events if isinstance(event, Status)] == ["globex"]
