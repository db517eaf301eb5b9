"""What whoever asks may see, and whether one thing is of it."""

from enum import StrEnum
from typing import NamedTuple

from detector.enrich.pseudonyms import PERSON, is_pseudonym


class Kind(StrEnum):
    """nothing; one's own; the sums of a team, and people where enough contribute; teams, and no people."""

    NOTHING = "nothing"
    SELF = "self"
    TEAM = "team"
    TENANT = "tenant"


class Scope(NamedTuple):
    """`tenant` None: every tenant. `people`: one's own pseudonyms. `who`: may ask whose a pseudonym is.

    `grant`: what it comes from, for the trail.
    """

    kind: Kind
    tenant: str | None = None
    team: str | None = None
    people: frozenset[str] = frozenset()
    who: bool = False
    grant: str = "default"


TEAMS = Scope(Kind.TENANT)
"""Teams without people: what holds where no policy says otherwise."""
NOTHING = Scope(Kind.NOTHING)


def may_see(scope: Scope, tenant: str, team: str | None, user: str | None = None, agent: str | None = None) -> bool:
    """Whether one thing (an alert, a task) may be shown: of that team, that person (None: of nobody) and that agent.

    An agent that is a pseudonym is a person. Of people, one's own things alone: figures by person are `restrict`'s.
    """
    if scope.tenant not in (None, tenant):
        return False
    people = {name for name in (user, agent if is_pseudonym(agent) else None) if name is not None}
    match scope.kind:
        case Kind.SELF:
            return bool(people) and people <= scope.people
        case Kind.TEAM:
            return not people and team == scope.team
        case Kind.TENANT:
            return not people
    return False


def may_sum(scope: Scope, tenant: str, team: str | None) -> bool:
    """Whether what a team came to may be shown, its sums and its tasks: by people of one's own alone it is not."""
    return scope.kind is not Kind.SELF and may_see(scope, tenant, team)


def shown_user(scope: Scope, user: str | None) -> str | None:
    """A person as they may be named: PERSON where it is not oneself."""
    return user if user is None or user in scope.people else PERSON


def shown_agent(scope: Scope, agent: str | None) -> str | None:
    """An agent as it may be named: PERSON where it is a pseudonym that is not one's own."""
    return shown_user(scope, agent) if is_pseudonym(agent) else agent
