"""What is tracked, where it goes and who sees it, as the configuration has it: what `detector policy` prints."""

import os

import msgspec

from detector.config import Config
from detector.config.load import variable
from detector.config.policy_file import Grant, PolicyFile
from detector.kafka.plan import DAY_MS, Topic, topics
from detector.metrics import USAGE_LABELS, Metrics
from detector.stopping.choosing import target_of

NAMES = "tenant, team, agent, key, run, task, task_type, model, provider, names of tools, ids of calls"
_OBSERVED = "names, people, tokens, dollars; fingerprints and sketches in place of texts"
HOLDS = {
    "calls": "calls and tools as producers write them, with whatever texts and people they name",
    "sources": "calls as another program writes them, with whatever texts and people they name",
    "status": "statuses and links of tasks, as producers write them",
    "observations": f"calls: {_OBSERVED}",
    "state": f"the last steps of runs: {_OBSERVED}",
    "rollups": "sums a minute by team, agent, person, key, model and task",
    "baselines": "what is usual of agents, teams and types of tasks",
    "accounts": "sums of teams, agents and tasks",
    "links": "which run works on which task",
    "alerts": "alerts: names, the person, dollars, ids of calls",
    "stops": "what was asked to be stopped, and what came of it: names, dollars",
    "dead_letters": "what could not be used, byte for byte, with whatever texts and people it names",
}
"""By the key of [topics]; `sources`: what [[sources]] names."""
PEOPLE = {
    "sources": "as sent",
    "calls": "as sent, by the gateway pseudonyms",
    "status": "none",
    "links": "none",
    "dead_letters": "as sent",
}
"""How people are named where that is not as the configuration says."""


class Tracked(msgspec.Struct):
    """Something that events tell, and how it is kept."""

    what: str
    kept: str


class Held(msgspec.Struct):
    """A topic: what lies in it, how people appear, for how long."""

    topic: str
    holds: str
    people: str
    kept: str


class Series(msgspec.Struct):
    """A metric that carries names, and which."""

    metric: str
    labels: list[str]


class Board(msgspec.Struct):
    """Where figures and alerts are shown, to whom."""

    where: str
    shows: str
    to: str


class Seen(msgspec.Struct):
    """A scope, and who has it."""

    scope: str
    by: str
    sees: str
    who: bool


class Told(msgspec.Struct):
    """All of it. `pseudonym_key`: where the key comes from, never the key; null: none is set."""

    pseudonym_key: str | None
    plain_users: bool
    services: list[str]
    tracked: list[Tracked]
    topics: list[Held]
    metrics: list[Series]
    boards: list[Board]
    scopes: list[Seen]
    trail_file: str | None


def tell(config: Config, policy: PolicyFile) -> Told:
    """Reads no file and reaches no broker."""
    privacy, trail = config.privacy, config.policy.trail_file
    return Told(
        pseudonym_key=_key(config),
        plain_users=privacy.plain_users,
        services=list(config.identity.services),
        tracked=_tracked(config),
        topics=[_held(config, topic) for topic in topics(config)],
        metrics=_series(config),
        boards=_boards(config),
        scopes=[*(_seen(n, grant) for n, grant in enumerate(policy.grant)), _default(policy)],
        trail_file=str(trail) if trail is not None else None,
    )


def _key(config: Config) -> str | None:
    privacy = config.privacy
    if privacy.pseudonym_key_file is not None:
        return f"the file {privacy.pseudonym_key_file}"
    if privacy.pseudonym_key is None:
        return None
    name = variable(("privacy", "pseudonym_key"))
    return f"the variable {name}" if os.environ.get(name) else "the configuration's file"


def _tracked(config: Config) -> list[Tracked]:
    people = _people(config, "a keyed pseudonym")
    services = config.identity.services
    but = f", unless it is one of {', '.join(services)}" if services else ""
    letters = f" and {config.topics.dead_letters}" if config.ingest.dead_letter_bytes else ""
    none = "" if config.gateway.texts else " (the gateway puts none into it)"
    return [
        Tracked("user: who uses it", people),
        Tracked("agent, where its source may have named it after a person, as by a gateway's key alias", people + but),
        Tracked(NAMES, "as sent"),
        Tracked("tokens, dollars, times, statuses", "as sent, dollars else by the price list"),
        Tracked(
            "prompts, answers, arguments and results of tools",
            f"as sent in {config.topics.calls}{none}{letters}; else fingerprints and sketches",
        ),
    ]


def _people(config: Config, hidden: str) -> str:
    return "as sent" if config.privacy.plain_users else hidden


def _held(config: Config, topic: Topic) -> Held:
    keys = {name: key for key, name in config.topics.model_dump().items() if isinstance(name, str)}
    key = keys[topic.name] if topic.ours else keys.get(topic.name, "sources")
    holds, people = HOLDS[key], PEOPLE.get(key) or _people(config, "pseudonyms")
    if key == "dead_letters" and not config.ingest.dead_letter_bytes:
        holds, people = "where what could not be used lies, without a byte of it", "none"
    return Held(topic.name, holds, people, _kept(topic))


def _kept(topic: Topic) -> str:
    if not topic.ours:
        return "as its owner says"
    kept = topic.settings.get("retention.ms")
    days = f"{int(kept) // DAY_MS} days" if kept is not None else "as long as the brokers keep records"
    if "delete" not in topic.cleanup:
        return "the newest of each key, until it is replaced or taken back"
    return f"the newest of each key, {days}" if "compact" in topic.cleanup else days


def _series(config: Config) -> list[Series]:
    labelled = Metrics(config.metrics).labelled.items()
    return [Series(name, list(labels)) for name, labels in labelled if set(labels) & set(USAGE_LABELS)]


def _boards(config: Config) -> list[Board]:
    people = "all agents that are pseudonyms are one, 'person'"
    web = f"http://{config.web.host}:{config.web.port}/metrics"
    named = "names; no user, and an agent that is named after a person as a pseudonym"
    paged = "names; the user of an alert, and an agent that is named after a person, as pseudonyms; no label is a user"
    return [
        Board("the topics above", "what they hold", "whom the brokers' ACLs let read them"),
        Board(web, f"the metrics above; {people}", "whoever reaches it: there is no login"),
        Board(
            f"pages at http://{config.web.host}:{config.web.port}/, detector incidents",
            "teams' sums and incidents; of people oneself alone, else 'person'",
            "whoever reaches it, within the scope of the policy",
        ),
        *(Board(f"Alertmanager at {one}", paged, "whom it routes to") for one in config.notify.alertmanagers),
        *([Board(f"stop.url at {target_of(config.stop)}", named, "who runs it")] if config.stop.mode == "on" else []),
        Board("detector report", f"agents, models, teams and tasks; {people}; flags: {named}", "who runs it"),
        Board("detector audit", "teams and tasks, no people", "who runs it, within the scope of policy.token"),
        Board(
            "detector who", "whose a pseudonym is", "those whose grant has who = true; each question is in the trail"
        ),
    ]


_SEES = {
    "nothing": "nothing",
    "self": "one's own figures",
    "team": "the sums of team {team}; people where at least five contribute",
    "tenant": "teams, no people",
}


def _seen(n: int, grant: Grant) -> Seen:
    if grant.header is not None:
        by = f"the header {grant.header}: {grant.value}"
    else:
        by = "a token" if grant.token_file is None else f"the token in {grant.token_file}"
    of = "every tenant" if grant.tenant == "*" else f"tenant {grant.tenant}"
    sees = f"{_SEES[grant.scope].format(team=grant.team)}, of {of}"
    return Seen(grant.scope, f"{grant.name or f'grant[{n}]'}: {by}", sees, grant.who)


def _default(policy: PolicyFile) -> Seen:
    sees = _SEES[policy.default] + (", of every tenant" if policy.default == "tenant" else "")
    return Seen(policy.default, "everybody else", sees, False)
