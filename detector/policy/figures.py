"""An audit cut down to what a scope may see. No person is in it, so it is of teams, or of one team."""

import msgspec

from detector.audit.figures import Figures
from detector.errors import NotAllowed
from detector.policy.scope import Kind, Scope


def team_to_ask(scope: Scope, asked: str | None) -> str | None:
    """Of which team an audit has to be made, None: of all; raises NotAllowed where it may not be the one that is asked.

    Sums over all teams hold those of others, so that they cannot be cut down afterwards.
    """
    if scope.kind in (Kind.NOTHING, Kind.SELF):
        raise NotAllowed(f"an audit is of teams, and the scope is {scope.kind} (by {scope.grant}); see policy.file")
    if scope.kind is Kind.TENANT:
        return asked
    if asked not in (None, scope.team):
        raise NotAllowed(f"the scope is team {scope.team!r} (by {scope.grant}), so no other one is told of")
    return scope.team


def restrict_figures(figures: Figures, scope: Scope) -> Figures:
    """The figures of an audit of `team_to_ask`; raises NotAllowed where there is something of others in the sums."""
    team = team_to_ask(scope, None)
    if scope.tenant is None:
        return figures
    teams = {(row.tenant, row.team) for row in figures.teams}
    if any(tenant != scope.tenant or team not in (None, name) for tenant, name in teams):
        raise NotAllowed(
            f"the events are of more than the scope (by {scope.grant}): {scope.tenant!r}"
            + (f", team {team!r}" if team is not None else "")
        )
    if team is not None and figures.invoice is not None:
        raise NotAllowed(f"an invoice is of all teams, and the scope is team {team!r} (by {scope.grant})")
    nothing = [task for task in figures.shipped_nothing if task.tenant == scope.tenant and team in (None, task.team)]
    # What was shipped without AI is told by no call, so that nobody knows whose it was.
    return msgspec.structs.replace(figures, shipped_nothing=nothing, without_ai=0)
