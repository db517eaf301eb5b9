"""GitLab: signed by a signing token, else known by `X-Gitlab-Token`.

Read are issues, merge requests, pushes, pipelines and deployments. Of a merge request from another project only its
merge is taken: strangers may open one.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from detector.errors import ConfigError
from detector.webhooks import signatures
from detector.webhooks.refusing import unsigned, wrong
from detector.webhooks.signatures import Headers
from detector.webhooks.tasks import MAX_TEXT, first, trailers
from detector.webhooks.telling import Actor, Teller, Told, at, there

SIGNING = "whsec_"
"""What a signing token begins with; a secret token that does would be taken for one."""
TOLERANCE_S = 300.0
"""As Standard Webhooks, whose scheme it is, recommends."""
_REVERTS = re.compile(r"^This reverts merge request ([\w./-]+)?!([0-9]+)\s*$", re.MULTILINE)
_BOT = re.compile(r"(?:project|group)_[0-9]+_bot|service_account_|ghost$|alert-bot$|support-bot$")
"""Accounts of access tokens and of GitLab itself; it does not say that they are none of people."""
_BRANCH, _NO_COMMIT = "refs/heads/", "0" * 40
_OWN_BRANCH = re.compile(r"([0-9]{1,10})-")
MAX_COMMITS = 100


class _User(msgspec.Struct):
    username: str | None = None


class _Project(msgspec.Struct):
    path_with_namespace: str
    web_url: str


class _Commit(msgspec.Struct):
    id: str | None = None
    message: str | None = None


class _Attributes(msgspec.Struct):
    """Of an issue, a merge request or a pipeline."""

    id: int | None = None
    iid: int | None = None
    action: str | None = None
    state: str | None = None
    status: Any = None  # of a pipeline a word
    title: str | None = None
    description: str | None = None
    url: str | None = None
    updated_at: str | None = None
    closed_at: str | None = None
    merged_at: str | None = None
    finished_at: str | None = None
    duplicated_to_id: int | None = None
    source_branch: str | None = None
    source_project_id: int | None = None
    target_project_id: int | None = None
    last_commit: _Commit | None = None
    oldrev: str | None = None
    ref: str | None = None


class _Payload(msgspec.Struct):
    object_kind: str | None = None
    project: _Project | None = None
    user: _User | None = None
    user_username: str | None = None
    object_attributes: _Attributes | None = None
    merge_request: _Attributes | None = None
    ref: str | None = None
    after: str | None = None
    commits: list[_Commit] | None = None
    status: str | None = None
    status_changed_at: str | None = None
    deployment_id: int | None = None
    commit_title: str | None = None
    environment: str | None = None
    environment_tier: str | None = None
    environment_external_url: str | None = None


_payload = msgspec.json.Decoder(_Payload).decode


def check(secrets: Sequence[str], key: str) -> None:
    """Raises ConfigError, with the key of the configuration, where a signing token is not whole."""
    if any(s.startswith(SIGNING) and signatures.key_of(s, SIGNING) is None for s in secrets):
        raise ConfigError(f"{key}: what begins with {SIGNING} must be a signing token, with base64 after that")


def verify(secrets: Sequence[str], headers: Headers, body: bytes, now_s: float) -> None:
    """Raises Refused unless the delivery is signed by a signing token, or bears one of the plain secrets.

    GitLab tells the id and the time of each delivery, and the signature only where a signing token is set.
    """
    keys = [key for s in secrets if (key := signatures.key_of(s, SIGNING)) is not None]
    plain = [s for s in secrets if not s.startswith(SIGNING)]
    if keys and (headers.get("webhook-signature") or not plain):
        signatures.standard(keys, headers, body, now_s, TOLERANCE_S)
        return
    token = headers.get("x-gitlab-token")
    if not token:
        raise unsigned("x-gitlab-token")
    if not signatures.same(token, plain):
        raise wrong()


def delivery(headers: Headers) -> str | None:
    """GitLab's id of a delivery; one that is sent again has the same."""
    return headers.get("webhook-id") or headers.get("idempotency-key")


def take(tell: Teller, headers: Headers, body: bytes, now_s: float) -> list[Told]:
    """Statuses and links of a delivery, none where it tells of nothing that matters. Raises BadInput."""
    said = _payload(body)
    reader = _READERS.get(said.object_kind or "")
    return [] if reader is None else reader(tell, said, now_s)


def _issue(tell: Teller, said: _Payload, now_s: float) -> list[Told]:
    issue, project = there(said.object_attributes, "object_attributes"), said.project
    if issue.action not in ("close", "reopen") or project is None:  # an epic is of a group
        return []
    closed = issue.action == "close"
    to = "duplicate" if closed and issue.duplicated_to_id else "closed" if closed else "reopened"
    t = at("object_attributes.updated_at", issue.closed_at if closed else None, issue.updated_at)
    return tell.statuses(
        [tell.find.issue(project.path_with_namespace, there(issue.iid, "object_attributes.iid"))], t, "strong",
        ("issue", to, t), to, category=tell.category(to), actor=_actor(tell, said.user),
    )  # fmt: skip


def _merge_request(tell: Teller, said: _Payload, now_s: float) -> list[Told]:
    request, project = there(said.object_attributes, "object_attributes"), there(said.project, "project")
    action, branch = request.action, request.source_branch or ""
    if action != "merge" and request.source_project_id != request.target_project_id:
        return []
    tasks, actor = _tasks(tell, request, project), _actor(tell, said.user)
    t = at("object_attributes.updated_at", request.merged_at if action == "merge" else None, request.updated_at)
    which = (project.path_with_namespace, request.iid)
    if action == "merge":
        match = _REVERTS.search((request.description or "")[:MAX_TEXT])
        taken_back = match and f"{_home(project)}{match[1] or project.path_with_namespace}/-/merge_requests/{match[2]}"
        to = "reverted" if taken_back else "merged"
        category = "started" if taken_back else tell.category(to)
        return tell.statuses(
            tasks, t, "strong", ("merged", *which), to, category=category, actor=actor, deliverable=request.url,
            reverts=taken_back,
        )  # fmt: skip
    if action in ("approved", "approval"):
        what = ("approved", *which, said.user and said.user.username, t)
        return tell.statuses(tasks, t, "medium", what, "approved", actor=actor, deliverable=request.url)
    runs = trailers(request.description, tell.settings.run_trailer)
    runs += tell.branch_runs(branch, project.path_with_namespace)
    links = tell.links(runs, tasks, t, (*which, action, t))
    if action in ("open", "reopen"):
        what = ("merge request", *which, action, t)
        to = "merge request opened"
        return [*tell.statuses(tasks, t, "medium", what, to, actor=actor, deliverable=request.url), *links]
    if action == "update":
        sha = request.last_commit.id if request.last_commit and request.oldrev else None
        return [*(_pushed(tell, tasks, t, sha, actor) if sha else []), *links]
    return []


def _push(tell: Teller, said: _Payload, now_s: float) -> list[Told]:
    project, ref = there(said.project, "project"), said.ref or ""
    if said.after in (None, _NO_COMMIT) or not ref.startswith(_BRANCH):
        return []
    branch = ref.removeprefix(_BRANCH)
    messages = [commit.message or "" for commit in (said.commits or [])[:MAX_COMMITS]]
    tasks = tell.find.tickets(branch, *(message.partition("\n")[0] for message in messages))
    tasks = tasks or _of_branch(tell, branch, project)
    runs = [run for message in messages for run in trailers(message, tell.settings.run_trailer)]
    runs = first(runs + tell.branch_runs(branch, project.path_with_namespace))
    actor = _actor(tell, _User(said.user_username))
    told = _pushed(tell, tasks, now_s, said.after, actor) if messages else []
    return [*told, *tell.links(runs, tasks, now_s, (project.path_with_namespace, said.after))]


def _pushed(tell: Teller, tasks: list[str], t: float, sha: str | None, actor: Actor) -> list[Told]:
    """Commits: told by a push and by the merge request that they are pushed to, and the same event in both."""
    return tell.statuses(tasks, t, "medium", ("pushed", sha), "commits pushed", actor=actor)


def _pipeline(tell: Teller, said: _Payload, now_s: float) -> list[Told]:
    pipeline, project = there(said.object_attributes, "object_attributes"), there(said.project, "project")
    request = said.merge_request
    foreign = request is not None and request.source_project_id != request.target_project_id
    if pipeline.status != "success" or foreign:
        return []
    branch = request.source_branch if request else pipeline.ref
    tasks = tell.find.tickets(branch, request.title if request else None) or _of_branch(tell, branch or "", project)
    t = at("object_attributes.finished_at", pipeline.finished_at)
    what = ("pipeline", project.path_with_namespace, pipeline.id, t)
    return tell.statuses(tasks, t, "medium", what, "green", actor="system")


def _deployment(tell: Teller, said: _Payload, now_s: float) -> list[Told]:
    project = there(said.project, "project")
    if said.status != "success":
        return []
    live = said.environment_tier == "production" or tell.produces(said.environment)
    tasks = tell.find.tickets(said.ref, said.commit_title) or _of_branch(tell, said.ref or "", project)
    return tell.statuses(
        tasks, at("status_changed_at", said.status_changed_at), "strong" if live else "medium",
        ("deployed", project.path_with_namespace, said.deployment_id), "deployed",
        category=tell.category("deployed") if live else None, actor=_actor(tell, said.user),
        deliverable=said.environment_external_url,
    )  # fmt: skip


def _tasks(tell: Teller, request: _Attributes, project: _Project) -> list[str]:
    """Tickets of its branch and title, and what it closes; where there is neither it is a task itself."""
    branch = request.source_branch or ""
    closed = tell.find.closed(request.description, project.path_with_namespace, _home(project))
    named = [*tell.find.tickets(branch, request.title), *closed, *_of_branch(tell, branch, project)]
    return first(named) or [f"{project.path_with_namespace}!{request.iid}"]


def _of_branch(tell: Teller, branch: str, project: _Project) -> list[str]:
    """The issue whose number a branch begins with: GitLab names it so, and closes the issue with it."""
    match = _OWN_BRANCH.match(branch)
    return [tell.find.issue(project.path_with_namespace, int(match[1]))] if match else []


def _actor(tell: Teller, user: _User | None) -> Actor:
    name = (user or _User()).username or ""
    return tell.actor(name, human=bool(name) and _BOT.match(name) is None)


def _home(project: _Project) -> str:
    """What addresses of this server begin with."""
    return project.web_url.removesuffix(project.path_with_namespace)


_READERS: Mapping[str, Callable[[Teller, _Payload, float], list[Told]]] = {
    "issue": _issue,
    "work_item": _issue,
    "merge_request": _merge_request,
    "push": _push,
    "pipeline": _pipeline,
    "deployment": _deployment,
}
