"""`detector policy`: what is tracked, where it goes and who sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from detector.commands import Setup, columns
from detector.terminal import line

if TYPE_CHECKING:
    from detector.policy.tracked import Told


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON for machines.")
@click.pass_obj
def policy(setup: Setup, as_json: bool) -> int:
    """Say what is tracked, where it goes (topics, metrics, boards) and who sees it, by this configuration.

    It reads the configuration and the policy file and nothing else; keys and tokens are not shown.

    \b
    Examples:
      detector policy
      detector --config detector.toml policy --json
    """
    import msgspec

    from detector.config.policy_file import PolicyFile, read_policy_file
    from detector.policy.tracked import tell

    config = setup.load()
    file = config.policy.file
    told = tell(config, read_policy_file(file) if file is not None else PolicyFile())
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=2))
    else:
        _show(told, "the defaults, as policy.file is not set" if file is None else str(file))
    return 0


def _show(told: Told, source: str) -> None:
    people = "as they are sent (privacy.plain_users)" if told.plain_users else "pseudonyms"
    key = f"of {told.pseudonym_key}" if told.pseudonym_key else "not set: whoever guesses a name can check the guess"
    click.echo(f"People are {people}; the key of pseudonyms: {line(key)}")
    click.echo(f"Agents that are no people: {line(', '.join(told.services)) or 'none listed'} (identity.services)")
    _table("What is tracked", [(each.what, each.kept) for each in told.tracked])
    topics = [(each.topic, f"people: {each.people}", f"kept: {each.kept}", each.holds) for each in told.topics]
    _table("Topics", topics)
    _table("Metrics that carry names", [(each.metric, ", ".join(each.labels)) for each in told.metrics])
    _table("Where it is shown", [(each.where, each.to, each.shows) for each in told.boards])
    seen = [(each.scope, each.by, each.sees, "may ask who" if each.who else "") for each in told.scopes]
    _table(f"Who sees what, by {source}", seen)
    click.echo(
        f"\nQuestions of `detector who` are written to: {line(told.trail_file or 'nowhere, so none is answered')}"
    )


def _table(title: str, rows: Sequence[Sequence[str]]) -> None:
    click.echo(f"\n{line(title)}")
    click.echo(columns([[f"  {line(row[0])}", *map(line, row[1:])] for row in rows]))
