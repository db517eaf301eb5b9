"""Which attributes usually say whose a call is, by format: the lists that a source's own ones replace."""

import re
from collections.abc import Mapping

Lists = Mapping[str, list[str]]
PERSONAL = re.compile("alias|user|mail|login|person|owner|author|account|host", re.IGNORECASE)
"""Within the name of an attribute: an agent that it names may be a person, as people name a gateway's keys."""
SEPARATOR = " ~ "
"""Between an attribute and the pattern whose first match is meant."""

TICKET = "[A-Z][A-Z0-9]+-[0-9]+"
"""The name of a ticket in a branch."""
_TENANT = ["tenant", "tenant.id", "organization.id"]
_TEAM = ["team", "team.id", "team.name"]
_TASK = ["task", "task.id", "task_id", "detector.tag.task"]
_BRANCH = [f"{name} ~ {TICKET}" for name in ("vcs.ref.head.name", "git.branch", "branch")]
_TASK_TYPE = ["task_type", "task.type", "detector.tag.task_type"]
_RUN = ["detector.run"]

_ASSOCIATED = "traceloop.association.properties."
_LANGSMITH = "langsmith.metadata."
_LITELLM = "litellm.metadata."


def _within(*names: str) -> list[str]:
    """Where instrumentations put what an application says of itself."""
    return [f"{above}{name}" for name in names for above in (_ASSOCIATED, _LANGSMITH, _LITELLM, "metadata.")]


OTLP_LOGS: Lists = {
    "tenant": _TENANT,
    "team": _TEAM,
    "user": ["user.account_id", "user.account_uuid", "user.email", "user.id", "enduser.id", "installation.id"],
    "agent": ["detector.agent", "gen_ai.agent.name", "agent.name", "originator", "query_source", "service.name"],
    "run": [*_RUN, "conversation.id", "gen_ai.conversation.id", "session.id"],
    "parent_run": ["detector.parent_run"],
    "task": [*_TASK, *_BRANCH],
    "task_type": _TASK_TYPE,
}

OTLP_SPANS: Lists = {
    "tenant": [*_TENANT, *_within("tenant")],
    "team": [
        *_TEAM, "litellm.team.alias", "litellm.team.id",
        *_within("team", "user_api_key_team_alias", "user_api_key_team_id"),
    ],
    "user": [
        "gen_ai.user", "user.id", "enduser.id", *_within("user_id", "user_api_key_user_id"), "litellm.end_user.id",
    ],
    "agent": ["detector.agent", "gen_ai.agent.name", "agent.name", *_within("agent"), "service.name"],
    "key": ["litellm.api_key.hash", *_within("user_api_key_hash")],
    "run": [*_RUN, "gen_ai.conversation.id", "session.id", *_within("session_id", "thread_id"), "detector.trace"],
    "parent_run": ["detector.parent_run"],
    "task": [*_TASK, *_within("task", "task_id"), *_BRANCH],
    "task_type": [*_TASK_TYPE, *_within("task_type")],
}  # fmt: skip

_HEADERS = "metadata.requester_custom_headers."
_SAID = "metadata.requester_metadata."

LITELLM: Lists = {
    "tenant": ["metadata.user_api_key_org_id", f"{_SAID}tenant"],
    "team": ["metadata.user_api_key_team_alias", "metadata.user_api_key_team_id", "detector.tag.team"],
    "user": ["metadata.user_api_key_user_id", "metadata.user_api_key_user_email", "end_user"],
    "agent": [
        f"{_HEADERS}x-claude-code-agent-id", f"{_SAID}agent", "detector.tag.agent", "metadata.user_api_key_alias",
    ],
    "key": ["metadata.user_api_key_hash"],
    "run": [
        *_RUN, f"{_HEADERS}x-claude-code-session-id", "detector.session", f"{_SAID}session_id", "litellm_session_id",
        "session_id", "trace_id",
    ],
    "task": [f"{_SAID}task", *_TASK],
    "task_type": [f"{_SAID}task_type", *_TASK_TYPE],
}  # fmt: skip

TRANSCRIPT: Lists = {
    "tenant": [],
    "team": [],
    "user": [],
    "agent": ["detector.agent"],
    "run": _RUN,
    "parent_run": ["detector.parent_run"],
    "task": [f"git.branch ~ {TICKET}"],
}
"""It names no tenant, team or person. `cwd`, `git.repository` and, of Gemini CLI, `project` are there to be read."""

USUAL: Mapping[str, Lists] = {
    "otlp_logs": OTLP_LOGS,
    "otlp_spans": OTLP_SPANS,
    "litellm": LITELLM,
    "gemini_outfile": OTLP_LOGS,
    "rollout": TRANSCRIPT,
    "gemini_sessions": TRANSCRIPT,
    "claude_transcripts": TRANSCRIPT,
}
