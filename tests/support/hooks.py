"""Deliveries of webhooks, as the providers document them, with no more in them than is read; and their signatures."""

import base64
import hmac
import json
from typing import Any, NamedTuple

from detector.config import Config, load_config
from detector.webhooks import Delivery, Receiver
from tests.support.bodies import MARK

NOW = 1_800_000_000.0
"""s UTC, and a little before it as the providers write it."""
AT = "2027-01-15T07:59:30Z"
AT_S = NOW - 30.0
SECRET = "It's a Secret to Everybody"
SIGNING_TOKEN = "whsec_" + base64.b64encode(b"thirty-two bytes of a signing key").decode()

Headers = dict[str, str]


class Sent(NamedTuple):
    """A delivery of a provider, not signed yet."""

    provider: str
    said: Any
    event: str = ""

    @property
    def body(self) -> bytes:
        return json.dumps(self.said).encode()


def config(**webhooks: Any) -> Config:
    """A configuration with a secret for each provider."""
    hooks = {name: {"secret": SECRET, "tenant": "acme"} for name in ("github", "gitlab", "jira", "linear")}
    return load_config(webhooks={**hooks, **webhooks})


def receiver(of: Config | None = None) -> Receiver:
    of = of or config()
    return Receiver(of.webhooks, of.statuses.states, of.ingest)


def signed(provider: str, body: bytes, event: str = "", id: str = "d1", secret: str = SECRET) -> Headers:
    """The headers that a provider sends with a body."""
    digest = hmac.digest(secret.encode(), body, "sha256").hex()
    return {
        "github": {"x-github-event": event, "x-github-delivery": id, "x-hub-signature-256": f"sha256={digest}"},
        "gitlab": {"x-gitlab-event": event, "webhook-id": id, "x-gitlab-token": secret},
        "jira": {"x-atlassian-webhook-identifier": id, "x-hub-signature": f"sha256={digest}"},
        "linear": {"linear-event": event, "linear-delivery": id, "linear-signature": digest},
        "cdevents": {"content-type": "application/cloudevents+json"},
    }[provider]


def received(sent: Sent, by: Receiver | None = None, id: str = "d1", now_s: float = NOW) -> Delivery:
    """What becomes of a delivery that is signed as it must be."""
    headers = signed(sent.provider, sent.body, sent.event, id)
    return (by or receiver()).receive(sent.provider, headers, sent.body, now_s, tenant="acme")


REPOSITORY = {"full_name": "acme/shop", "html_url": "https://github.com/acme/shop", "pushed_at": int(AT_S)}


def github(event: str, *, login: str = "zoe", kind: str = "User", **said: Any) -> Sent:
    sender = {"login": login, "type": kind}
    return Sent("github", {"repository": REPOSITORY, "sender": sender, **said}, event)


def pull(action: str, *, login: str = "zoe", kind: str = "User", after: str | None = None, **said: Any) -> Sent:
    """A pull request from a branch of the same repository."""
    head = {"ref": said.pop("branch", "PAY-1312-round-cents"), "sha": "c0ffee", "repo": said.pop("repo", REPOSITORY)}
    of = {
        "number": 34, "html_url": "https://github.com/acme/shop/pull/34", "title": "Round cents", "body": MARK,
        "merged": False, "updated_at": AT, "author_association": "NONE", "head": head,
    }  # fmt: skip
    extra = {} if after is None else {"after": after}
    return github("pull_request", login=login, kind=kind, action=action, pull_request={**of, **said}, **extra)


def issue(action: str, login: str = "zoe", **said: Any) -> Sent:
    return github("issues", login=login, action=action, issue={"number": 12, "updated_at": AT, "title": MARK, **said})


PROJECT = {"path_with_namespace": "acme/shop", "web_url": "https://gitlab.example/acme/shop"}


def gitlab(kind: str, username: str = "zoe", **said: Any) -> Sent:
    return Sent("gitlab", {"object_kind": kind, "project": PROJECT, "user": {"username": username}, **said})


def merge_request(action: str, username: str = "zoe", **said: Any) -> Sent:
    of = {
        "iid": 34, "action": action, "title": "Round cents", "description": MARK, "source_branch": "PAY-1312-round",
        "source_project_id": 1, "target_project_id": 1, "updated_at": "2027-01-15 07:59:30 UTC",
        "url": "https://gitlab.example/acme/shop/-/merge_requests/34",
    }  # fmt: skip
    return gitlab("merge_request", username, object_attributes={**of, **said})


def jira(before: str, to: str, category: str = "done", resolution: str | None = None, **user: Any) -> Sent:
    fields: dict[str, Any] = {"summary": MARK, "status": {"name": to, "statusCategory": {"key": category}}}
    if resolution is not None:
        fields["resolution"] = {"name": resolution}
    said = {
        "timestamp": int(AT_S * 1000), "webhookEvent": "jira:issue_updated",
        "user": {"accountId": "a1", "accountType": "atlassian", "displayName": "Zoe", **user},
        "issue": {"key": "PAY-1312", "fields": fields},
        "changelog": {"id": "10124", "items": [
            {"field": "assignee", "fromString": None, "toString": "Zoe"},
            {"field": "status", "fieldId": "status", "fromString": before, "toString": to},
        ]},
    }  # fmt: skip
    return Sent("jira", said)


def linear(state: str, of: str, **actor: Any) -> Sent:
    said = {
        "action": "update", "type": "Issue", "createdAt": AT, "webhookTimestamp": int(NOW * 1000) - 1000,
        "actor": {"id": "u1", "type": "user", "name": "Zoe", **actor},
        "data": {"identifier": "PAY-1312", "title": MARK, "state": {"id": "s2", "name": state, "type": of}},
        "updatedFrom": {"stateId": "s1", "updatedAt": AT},
    }  # fmt: skip
    return Sent("linear", said, "Issue")


def cdevent(type: str, id: str = "PAY-1312", custom: Any = None, **content: Any) -> Sent:
    """A CDEvent in a CloudEvent in structured mode."""
    context = {"version": "0.5.0", "id": "e1", "source": "/ci", "type": f"dev.cdevents.{type}.0.3.0", "timestamp": AT}
    data = {"context": context, "subject": {"id": id, "source": "/ci", "content": content}, "customData": custom}
    envelope = {"specversion": "1.0", "id": "e1", "source": "/ci", "type": context["type"], "data": data}
    return Sent("cdevents", envelope)


SENT: list[Sent] = [
    issue("closed", state_reason="completed"),
    issue("status_changed", status={"id": 1, "name": "In review", "category": "started"}),
    pull("opened", body="Closes #12\n\nAgent-Run: s-481"),
    pull("synchronize", after="c0ffee"),
    pull("closed", merged=True, merged_at=AT),
    github("push", ref="refs/heads/PAY-1", after="c0ffee", commits=[{"message": f"x\n\n{MARK}\nAgent-Run: s-481"}]),
    pull("submitted")._replace(event="pull_request_review"),
    github(
        "workflow_run",
        action="completed",
        workflow_run={
            "id": 5, "run_attempt": 1, "head_branch": "PAY-1312-x", "head_repository": REPOSITORY,
            "conclusion": "success", "updated_at": AT,
        },
    ),
    github(
        "check_suite",
        action="completed",
        check_suite={
            "id": 6, "head_branch": "PAY-1312-x", "conclusion": "success", "updated_at": AT, "pull_requests": [{}],
        },
    ),
    github(
        "deployment_status",
        deployment={"id": 7, "ref": "PAY-1312-x", "environment": "production"},
        deployment_status={"id": 8, "state": "success", "created_at": AT, "environment_url": "https://shop.example"},
    ),
    gitlab("issue", object_attributes={"iid": 12, "action": "close", "updated_at": AT}),
    merge_request("open", description="Closes #12"),
    merge_request("merge"),
    gitlab("push", ref="refs/heads/PAY-1312-x", after="c0ffee", user_username="zoe", commits=[{"message": "x"}]),
    gitlab("pipeline", object_attributes={"id": 5, "ref": "PAY-1312-x", "status": "success", "finished_at": AT}),
    gitlab(
        "deployment", status="success", status_changed_at="2027-01-15 08:59:30 +0100", deployment_id=15,
        environment="live", commit_title="PAY-1312 Round",
    ),
    jira("In Progress", "Done"),
    linear("Done", "completed"),
    cdevent("change.merged"),
    cdevent("service.deployed", environment={"id": "production"}, artifactId="pkg:oci/shop@1"),
    cdevent("ticket.closed", resolution="completed", updatedBy="Zoe"),
]  # fmt: skip
SENT[6].said["review"] = {"id": 9, "state": "approved", "submitted_at": AT, "author_association": "MEMBER"}
"""At least one delivery of each kind that is read."""
