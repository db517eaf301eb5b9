"""`detector incidents` and `detector incident`: what pages show, in a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from detector.commands import Setup

if TYPE_CHECKING:
    from detector.config import Config
    from detector.model.alert import Severity
    from detector.policy.scope import Scope

_SEVERITIES = ("info", "warning", "critical")


@click.command()
@click.option("--open", "open_only", is_flag=True, help="Without those that have ended.")
@click.option("--json", "as_json", is_flag=True, help="An array of what `detector incident --json` prints.")
@click.option("--tenant", help="Of this tenant alone.")
@click.option("--team", help="Of this team alone.")
@click.option("--rule", help="Of this rule alone, as loop.")
@click.option("--severity", type=click.Choice(_SEVERITIES), help="critical: pages, warning: tickets, info: boards.")
@click.pass_obj
def incidents(
    setup: Setup,
    open_only: bool,
    as_json: bool,
    tenant: str | None,
    team: str | None,
    rule: str | None,
    severity: Severity | None,
) -> int:
    """List what runs away, and what did within 30 days.

    Open ones first, the most severe and of these the dearest on top; then those that have ended, the newest first. It
    reads the topic of alerts once, and shows what the token of the configuration (policy.token_file) may see: without a
    policy teams without people.

    \b
    Examples:
      detector incidents --open
      detector incidents --team payments --severity critical --json
    """
    config = setup.load()
    from detector.incidents.asked import choose, read_book
    from detector.incidents.terminal import show_all
    from detector.incidents.told import incidents_json
    from detector.incidents.view import Wanted
    from detector.report.terminal import console_of

    scope = _scope(config)
    asked = Wanted(open_only, tenant, team, rule, severity)
    found = choose(read_book(config), scope, asked)
    if as_json:
        sys.stdout.buffer.write(incidents_json(found, config.web))
    elif found:
        show_all(found, console_of())
    else:
        click.echo("no incidents" if asked == Wanted() else "no such incidents")
    return 0


@click.command()
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="What its page downloads: the alert record, and links.")
@click.pass_obj
def incident(setup: Setup, id: str, as_json: bool) -> int:
    """Show one incident: what happened by the minute, what repeats, which threshold decided, what it costs.

    ID may be cut: as much of it as no other has is enough. Ends with 1 where there is none, or where the token of the
    configuration may not see it.

    \b
    Example:
      detector incident c55cc746
    """
    config = setup.load()
    from detector.incidents.asked import find, read_book
    from detector.incidents.terminal import show
    from detector.incidents.told import incident_json
    from detector.report.terminal import console_of

    scope = _scope(config)
    found = find(read_book(config), scope, id)
    if as_json:
        sys.stdout.buffer.write(incident_json(found, config.web))
    else:
        show(found, config.web, console_of())
    return 0


def _scope(config: Config) -> Scope:
    """Asked first: a wrong policy is said before the brokers are. Raises NotAllowed where nothing may be seen."""
    from detector.errors import NotAllowed
    from detector.policy.grants import Policy, own, scope_of
    from detector.policy.scope import Kind

    scope = scope_of(Policy.configured(config), own(config))
    if scope.kind is Kind.NOTHING:
        raise NotAllowed(f"no incident may be seen (by {scope.grant}); see policy.file and policy.token_file")
    return scope
