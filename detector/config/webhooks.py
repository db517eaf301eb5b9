"""Webhooks: the secrets that they are signed with, and how tasks, runs and agents are named in them."""

import re
from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from detector.config.addresses import asked
from detector.config.settings import Count, Name, Positive, Section
from detector.sources.usual_attributes import TICKET


class Hook(Section):
    """Webhooks of one provider."""

    secret: SecretStr | None = Field(
        None, description="what they are signed with; several, one a line, hold at once; better by variable or file"
    )
    secret_file: Path | None = Field(None, description="file that holds the secrets, one a line; wins over a value")
    tenant: str = Field("default", description="whose data it is")


class Webhooks(Section):
    """What trackers, forges and pipelines push to the gateway."""

    task_pattern: Name = Field(
        TICKET, description="regular expression of a ticket's name in a branch, a title or a message; hooks use it too"
    )
    issue_name: Name = Field(
        "{repository}#{number}", description="how calls name an issue of GitHub or GitLab; {name}: without its owner"
    )
    agents: list[str] = Field(
        [
            "Copilot",
            "copilot-swe-agent[bot]",
            "claude[bot]",
            "chatgpt-codex-connector[bot]",
            "cursor[bot]",
            "devin-ai-integration[bot]",
            "google-labs-jules[bot]",
        ],
        description="logins (in Jira and Linear account ids or names) of agents: what they do counts as medium at most",
    )
    production: list[str] = Field(
        ["production", "prod", "live"], description="environments in which a deployment is strong; elsewhere medium"
    )
    run_trailer: str = Field(
        "Agent-Run", description="a line NAME: RUN of a commit or pull request names the run that made it; empty: none"
    )
    branch_run: str = Field(
        "", description="how runs are named after branches: {branch}, ci-{branch}; {repository}; empty: they are not"
    )
    replay_s: Positive = Field(
        86_400.0,
        description="a delivery is known so long, and one that tells of what is older is refused; see watch.seen_s",
    )
    max_deliveries: Count = Field(100_000, description="deliveries that are known, the oldest leave; about 500 B each")
    github: Hook = Hook()
    gitlab: Hook = Hook()
    jira: Hook = Hook()
    linear: Hook = Hook()

    @field_validator("task_pattern")
    @classmethod
    def _is_regular(cls, pattern: str) -> str:
        try:
            re.compile(f"(?:{pattern})")  # as it is used, within another one
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from None
        return pattern

    @field_validator("issue_name")
    @classmethod
    def _tells_issues_apart(cls, name: str) -> str:
        if "{number}" not in name:
            raise ValueError("must hold {number}, else all issues are one task")
        return name


class Push(Section):
    """Where commands that send one event send it."""

    gateway: str | None = Field(None, description="address of a gateway, as https://detector.example; absent: to Kafka")
    token: SecretStr | None = Field(None, description="bearer token for it; better by variable or file")
    token_file: Path | None = Field(None, description="file that holds the token; wins over a value")

    @field_validator("gateway")
    @classmethod
    def _is_an_address(cls, address: str | None) -> str | None:
        if address is None:
            return None
        asked(address, "http://127.0.0.1:4318", "use push.token_file")
        return address.rstrip("/")
