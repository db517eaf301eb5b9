"""GitHub: signed by `X-Hub-Signature-256`; issues, pull requests, reviews, pushes, workflows and deployments.

What strangers may cause is not taken: of a pull request from another repository only its merge, and reviews of members.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from detector.webhooks import signatures
from detector.webhooks.github_payload import Payload, Pull, Repository, Status, User, decode
from detector.webhooks.signatures import Headers
from detector.webhooks.tasks import MAX_TEXT, first, trailers
from detector.webhooks.telling import Actor, Teller, Told, at, there

HUMAN = "User"
_MEMBERS = ("OWNER", "MEMBER", "COLLABORATOR")
_OPENED = ("opened", "reopened", "ready_for_review")
_REVERTS = re.compile(r"^Reverts ([\w.-]+/[\w.-]+)?#([0-9]+)\s*$", re.MULTILINE)
_BRANCH = "refs/heads/"
MAX_COMMITS = 100


def verify(secrets: Sequence[str], headers: Headers, body: bytes, now_s: float) -> None:
    """Raises Refused where the body is not signed by one of the secrets."""
    header = "x-hub-signature-256"
    signatures.hexadecimal(secrets, body, headers.get(header), header, "sha256=")


def delivery(headers: Headers) -> str | None:
    """GitHub's id of a delivery; one that is sent again has the same."""
    return headers.get("x-github-delivery")


def take(tell: Teller, headers: Headers, body: bytes, now_s: float) -> list[Told]:
    """Statuses and links of a delivery, none where it tells of nothing that matters. Raises BadInput."""
    reader = _READERS.get(headers.get("x-github-event", ""))
    return [] if reader is None else reader(tell, decode(body))


def _issue(tell: Teller, said: Payload) -> list[Told]:
    issue, repository = there(said.issue, "issue"), there(said.repository, "repository")
    status, reason = issue.status or Status(), issue.state_reason
    match said.action:
        case "status_changed":
            to, category = status.name, tell.category(status.category, status.name)
        case "closed":
            to, category = status.name or "closed", tell.category(status.category, reason, "closed")
        case "reopened":
            to, category = status.name or "reopened", tell.category(status.category, "reopened")
        case _:
            return []
    t = at("issue.updated_at", issue.updated_at)
    return tell.statuses(
        [tell.find.issue(repository.full_name, issue.number)], t, "strong", ("issue", said.action, to, t), to,
        category=category, actor=_actor(tell, said),
    )  # fmt: skip


def _pull(tell: Teller, said: Payload) -> list[Told]:
    pull, repository = there(said.pull_request, "pull_request"), there(said.repository, "repository")
    merged = said.action == "closed" and pull.merged is True
    if not merged and not _trusted(pull, repository):
        return []
    tasks, actor = _tasks(tell, pull, repository), _actor(tell, said)
    t = at("pull_request.updated_at", pull.merged_at if merged else None, pull.updated_at)
    number, sha = pull.number, pull.head.sha
    if merged:
        match = _REVERTS.search((pull.body or "")[:MAX_TEXT])
        taken_back = match and f"{_home(repository)}{match[1] or repository.full_name}/pull/{match[2]}"
        to = "reverted" if taken_back else "merged"
        category = "started" if taken_back else tell.category(to)
        return tell.statuses(
            tasks, t, "strong", ("merged", repository.full_name, number), to, category=category, actor=actor,
            deliverable=pull.html_url, reverts=taken_back,
        )  # fmt: skip
    runs = trailers(pull.body, tell.settings.run_trailer) + tell.branch_runs(pull.head.ref, repository.full_name)
    if said.action == "synchronize":
        told = _pushed(tell, tasks, t, said.after or sha, actor, pull.html_url)
    elif said.action in _OPENED:
        what = ("pull request", repository.full_name, number, said.action, t)
        to = "pull request opened"
        told = tell.statuses(tasks, t, "medium", what, to, actor=actor, deliverable=pull.html_url)
    elif said.action == "edited":
        told = []
    else:
        return []
    return [*told, *tell.links(runs, tasks, t, (repository.full_name, number, said.action, t))]


def _review(tell: Teller, said: Payload) -> list[Told]:
    pull, repository = there(said.pull_request, "pull_request"), there(said.repository, "repository")
    review = there(said.review, "review")
    if said.action != "submitted" or review.state != "approved" or review.author_association not in _MEMBERS:
        return []
    t = at("review.submitted_at", review.submitted_at)
    return tell.statuses(
        _tasks(tell, pull, repository), t, "medium", ("approved", review.id), "approved",
        actor=_actor(tell, said), deliverable=pull.html_url,
    )  # fmt: skip


def _push(tell: Teller, said: Payload) -> list[Told]:
    repository, ref = there(said.repository, "repository"), said.ref or ""
    if said.deleted or not ref.startswith(_BRANCH):
        return []
    branch = ref.removeprefix(_BRANCH)
    messages = [commit.message or "" for commit in (said.commits or [])[:MAX_COMMITS]]
    tasks = tell.find.tickets(branch, *(message.partition("\n")[0] for message in messages))
    t = at("repository.pushed_at", repository.pushed_at)
    runs = [run for message in messages for run in trailers(message, tell.settings.run_trailer)]
    runs = first(runs + tell.branch_runs(branch, repository.full_name))
    told = _pushed(tell, tasks, t, said.after, _actor(tell, said), None) if messages else []
    return [*told, *tell.links(runs, tasks, t, (repository.full_name, said.after))]


def _pushed(
    tell: Teller, tasks: list[str], t: float, sha: str | None, actor: Actor, deliverable: str | None
) -> list[Told]:
    """Commits: told by a push and by the pull request that they are pushed to, and the same event in both."""
    return tell.statuses(tasks, t, "medium", ("pushed", sha), "commits pushed", actor=actor, deliverable=deliverable)


def _suite(tell: Teller, said: Payload) -> list[Told]:
    suite = there(said.check_suite, "check_suite")
    # Of a branch of another repository GitHub names no pull request here, and its name is anybody's choice.
    if said.action != "completed" or suite.conclusion != "success" or not suite.pull_requests:
        return []
    t = at("check_suite.updated_at", suite.updated_at)
    return tell.statuses(
        tell.find.tickets(suite.head_branch), t, "medium", ("check suite", suite.id, t), "green", actor="system"
    )


def _workflow(tell: Teller, said: Payload) -> list[Told]:
    run, repository = there(said.workflow_run, "workflow_run"), there(said.repository, "repository")
    if said.action != "completed" or run.conclusion != "success" or not _same(run.head_repository, repository):
        return []
    t = at("workflow_run.updated_at", run.updated_at)
    return tell.statuses(
        tell.find.tickets(run.head_branch, run.display_title), t, "medium", ("workflow", run.id, run.run_attempt),
        "green", actor="system",
    )  # fmt: skip


def _deployed(tell: Teller, said: Payload) -> list[Told]:
    deployment, status = there(said.deployment, "deployment"), there(said.deployment_status, "deployment_status")
    if status.state != "success":
        return []
    live = bool(deployment.production_environment) or tell.produces(deployment.environment)
    return tell.statuses(
        tell.find.tickets(deployment.ref), at("deployment_status.created_at", status.created_at),
        "strong" if live else "medium", ("deployed", deployment.id), "deployed",
        category=tell.category("deployed") if live else None, actor=_actor(tell, said),
        deliverable=status.environment_url,
    )  # fmt: skip


def _tasks(tell: Teller, pull: Pull, repository: Repository) -> list[str]:
    """Tickets of its branch and title, and what it closes; where there is neither it is a task itself."""
    tickets = tell.find.tickets(pull.head.ref, pull.title)
    closed = tell.find.closed(pull.body, repository.full_name, _home(repository))
    return first(tickets + closed) or [tell.find.issue(repository.full_name, pull.number)]


def _trusted(pull: Pull, repository: Repository) -> bool:
    return pull.author_association in _MEMBERS or _same(pull.head.repo, repository)


def _same(one: Repository | None, other: Repository) -> bool:
    return one is not None and one.full_name == other.full_name


def _actor(tell: Teller, said: Payload) -> Actor:
    sender = said.sender or User()
    return tell.actor(sender.login, human=sender.type == HUMAN)


def _home(repository: Repository) -> str:
    """What addresses of this server begin with."""
    return repository.html_url.removesuffix(repository.full_name)


_READERS: Mapping[str, Callable[[Teller, Payload], list[Told]]] = {
    "issues": _issue,
    "pull_request": _pull,
    "pull_request_review": _review,
    "push": _push,
    "check_suite": _suite,
    "workflow_run": _workflow,
    "deployment_status": _deployed,
}
