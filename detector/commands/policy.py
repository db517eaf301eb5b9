"""`detector policy`: what is tracked, where it goes and who sees it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from detector.commands import Setup
from detector.terminal import line

if TYPE_CHECKING:
    from detector.policy.tracked import Told

_WIDTH, _NAME = 110, 40
"""Characters of a line, and of the longest name that others stand beside."""


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
    _table(
        "Topics",
        [(each.topic, f"{each.holds}; people: {each.people}; kept: {each.kept}") for each in told.topics],
    )
    _table("Metrics that carry names", [(each.metric, ", ".join(each.labels)) for each in told.metrics])
    _table("Where it is shown", [(each.where, f"{each.shows}; to {each.to}") for each in told.boards])
    seen = [(each.by, f"{each.scope}: {each.sees}{'; may ask who' if each.who else ''}") for each in told.scopes]
    _table(f"Who sees what, by {source}", seen)
    click.echo(
        f"\nQuestions of `detector who` are written to: {line(told.trail_file or 'nowhere, so none is answered')}"
    )


def _table(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """A name and what is said of it, which goes on below where it is long."""
    click.echo(f"\n{line(title)}")
    beside = max((len(line(name)) for name, _ in rows if len(line(name)) <= _NAME), default=0)
    for name, said in rows:
        begin = f"  {line(name):{beside}}  "
        below = " " * (beside + 4)
        if len(begin) > len(below):
            click.echo(begin.rstrip())
            begin = below
        click.echo(
            textwrap.fill(line(said), _WIDTH, initial_indent=begin, subsequent_indent=below, break_on_hyphens=False)
        )
