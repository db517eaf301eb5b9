"""The cast of the demo: who works in which team, on which model, doing what."""

from detector.demo import agents
from detector.demo.agents import Routine
from detector.demo.desk import Gamma, Habits, Lognormal, Member

PEOPLE = {
    "payments": ("mara", "joost", "dilan"),
    "search": ("ines", "kwame"),
    "support": ("petra", "sven", "aiko"),
    "platform": ("tomas", "leila"),
    "data": ("bruno", "yara"),
}

CODER = Habits("claude-sonnet-4-5")
CAREFUL = Habits("gpt-5.1", Lognormal(14_000, 0.4), output=Lognormal(900, 0.6))
THINKER = Habits("gpt-5.1", Lognormal(20_000, 0.4), output=Lognormal(4_000, 0.5), gap=Gamma(600, 3))
READER = Habits(
    "gemini-2.5-pro",
    base=Lognormal(7_000, 0.3),
    grows=Lognormal(1_100, 0.3),
    output=Lognormal(90, 0.4),
    gap=Lognormal(40, 0.4),
)
HELPER = Habits(
    "claude-haiku-4-5",
    base=Lognormal(4_000, 0.3),
    grows=Lognormal(700, 0.5),
    output=Lognormal(160, 0.4),
    gap=Lognormal(70, 0.7),
)
LABELLER = Habits(
    "gpt-5-mini",
    base=Lognormal(2_200, 0.2),
    grows=Lognormal(150, 0.3),
    output=Lognormal(60, 0.3),
    gap=Gamma(45, 4),
    cached=0.6,
)
MIGRATOR = Habits("claude-opus-4-5", base=Lognormal(30_000, 0.2), gap=Lognormal(85, 0.45))

REPEATING = Habits(
    "claude-opus-4-5",
    base=Lognormal(60_000, 0.1),
    grows=Lognormal(900, 0.3),
    output=Lognormal(700, 0.3),
    gap=Gamma(40, 6),
    cached=0.6,
)
REGENERATING = Habits(
    "claude-opus-4-5",
    base=Lognormal(70_000, 0.1),
    grows=Lognormal(300, 0.3),
    output=Lognormal(2_600, 0.2),
    gap=Lognormal(50, 0.25),
    cached=0.7,
)
SURGING = Habits(
    "claude-opus-4-5",
    base=Lognormal(85_000, 0.1),
    output=Lognormal(1_000, 0.3),
    gap=Lognormal(32, 0.3),
    cached=0.45,
)
"""Ten times the dollars an hour of MIGRATOR: calls more often, contexts larger and less of them cached."""


def _member(
    team: str, name: str, habits: Habits, task_type: str, interactive: bool = False, told: bool = False
) -> Member:
    return Member(name, team, PEOPLE[team], task_type, habits, interactive, told)


INNOCENT: tuple[tuple[Member, Routine], ...] = (
    (_member("payments", "checkout-dev-1", CODER, "feature"), agents.developing),
    (_member("payments", "checkout-dev-2", CAREFUL, "feature", told=True), agents.developing),
    (_member("payments", "checkout-pair", CODER, "feature", interactive=True), agents.developing),
    (_member("payments", "checkout-reviewer", CAREFUL, "review"), agents.reviewing),
    (_member("payments", "ledger-reader", READER, "reading"), agents.paging),
    (_member("search", "ranking-scout-1", CAREFUL, "research"), agents.researching),
    (_member("search", "ranking-scout-2", THINKER, "research"), agents.researching),
    (_member("search", "ranking-dev", CODER, "feature"), agents.developing),
    (_member("search", "corpus-reader", READER, "reading"), agents.paging),
    (_member("search", "corpus-labeller", LABELLER, "labelling", told=True), agents.classifying),
    (_member("support", "helpdesk-bot-1", HELPER, "ticket", interactive=True), agents.answering),
    (_member("support", "helpdesk-bot-2", HELPER, "ticket", interactive=True), agents.answering),
    (_member("support", "helpdesk-bot-3", HELPER, "ticket", interactive=True), agents.answering),
    (_member("support", "macro-writer", THINKER, "article"), agents.researching),
    (_member("platform", "infra-dev-1", CODER, "change"), agents.developing),
    (_member("platform", "infra-dev-2", CAREFUL, "change"), agents.developing),
    (_member("platform", "infra-reviewer", CAREFUL, "review"), agents.reviewing),
    (_member("data", "etl-dev", CODER, "pipeline", told=True), agents.developing),
    (_member("data", "etl-planner", THINKER, "plan"), agents.researching),
    (_member("data", "schema-labeller", LABELLER, "labelling"), agents.classifying),
    (_member("data", "schema-reader", READER, "reading"), agents.paging),
)
"""They stay as they are all the time."""

FIXER = _member("platform", "build-fixer", CODER, "build")
ANALYST = _member("search", "ranking-analyst", CAREFUL, "analysis")
SPENDER = _member("payments", "ledger-migrator", MIGRATOR, "migration")
SHIPPER = _member("platform", "release-shipper", MIGRATOR, "release")
"""Innocent, though it spends tenfold for an hour too: it merges all the while."""
