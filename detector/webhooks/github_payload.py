"""The parts of GitHub's deliveries that are read; the rest is passed over."""

import msgspec


class User(msgspec.Struct):
    """Who did it."""

    login: str | None = None
    type: str | None = None


class Repository(msgspec.Struct):
    """Where."""

    full_name: str
    html_url: str
    pushed_at: int | str | None = None


class Status(msgspec.Struct):
    """Of an issue, in preview at GitHub."""

    name: str | None = None
    category: str | None = None


class Issue(msgspec.Struct):
    """An issue."""

    number: int
    updated_at: str | None = None
    state_reason: str | None = None
    status: Status | None = None


class Head(msgspec.Struct):
    """The branch of a pull request."""

    ref: str
    sha: str | None = None
    repo: Repository | None = None


class Pull(msgspec.Struct):
    """A pull request."""

    number: int
    head: Head
    html_url: str | None = None
    title: str | None = None
    body: str | None = None
    merged: bool | None = None
    merged_at: str | None = None
    updated_at: str | None = None
    author_association: str | None = None


class Review(msgspec.Struct):
    """A review of one."""

    id: int
    state: str
    submitted_at: str | None = None
    author_association: str | None = None


class Suite(msgspec.Struct):
    """A check suite."""

    id: int
    head_branch: str | None = None
    conclusion: str | None = None
    updated_at: str | None = None
    pull_requests: list[msgspec.Raw] | None = None


class Workflow(msgspec.Struct):
    """A run of a workflow."""

    id: int
    run_attempt: int | None = None
    head_branch: str | None = None
    head_repository: Repository | None = None
    display_title: str | None = None
    conclusion: str | None = None
    updated_at: str | None = None


class Deployment(msgspec.Struct):
    """A deployment."""

    id: int
    ref: str | None = None
    environment: str | None = None
    production_environment: bool | None = None


class Deployed(msgspec.Struct):
    """What became of it."""

    id: int
    state: str
    created_at: str | None = None
    environment_url: str | None = None


class Commit(msgspec.Struct):
    """A commit of a push."""

    message: str | None = None


class Payload(msgspec.Struct):
    """The body of a delivery, of whatever event."""

    repository: Repository | None = None
    sender: User | None = None
    action: str | None = None
    issue: Issue | None = None
    pull_request: Pull | None = None
    review: Review | None = None
    check_suite: Suite | None = None
    workflow_run: Workflow | None = None
    deployment: Deployment | None = None
    deployment_status: Deployed | None = None
    ref: str | None = None
    after: str | None = None
    deleted: bool | None = None
    commits: list[Commit] | None = None


decode = msgspec.json.Decoder(Payload).decode
