"""`detector forget`: a person is removed from all that is kept, and it is shown."""

from __future__ import annotations

import click

from detector.commands import Setup
from detector.commands.pseudonym import Pseudonym


@click.command()
@click.argument("pseudonym", type=Pseudonym())
@click.option(
    "--wait", default=120.0, show_default=True, type=click.FloatRange(0), help="Seconds for the next checkpoints."
)
@click.pass_obj
def forget(setup: Setup, pseudonym: str, wait: float) -> int:
    """Remove PSEUDONYM from the state of runs, agents, teams and tasks, from alerts, baselines and stops, and show it.

    Watch and portfolio have to run: they put nobody (u-000000000000) where the person was, and write their checkpoints
    anew. Sums stay, as they are the team's. Stop sending the person's events first: who works on is named again.
    Observations, rollups and dead letters go by the time that their topics are kept; brokers delete what a compacted
    topic has replaced when they compact it.

    Where policy.file is set it needs a token whose grant has who = true for every tenant (a pseudonym does not say of
    which it is); policy.trail_file gets a line before, and one after.

    Exit codes: 0 nothing that is kept names the person, 1 something still does, 2 wrong usage, 3 refused.

    \b
    Example:
      detector forget u-bca97d83f2de
    """
    import asyncio
    import os
    from contextlib import closing, nullcontext

    from rich.table import Table

    from detector.clock import system_clock
    from detector.errors import NotAllowed
    from detector.forgetting import NOBODY
    from detector.kafka.forget import forget as forget_person
    from detector.policy.grants import Policy, own, scope_of
    from detector.policy.trail import Trail
    from detector.report.terminal import console_of

    if pseudonym == NOBODY:
        raise click.UsageError(f"{NOBODY} stands for those who were forgotten already")
    config = setup.load()
    scope = scope_of(Policy.configured(config), own(config))
    trail = None if config.policy.trail_file is None else Trail(config.policy.trail_file)

    def note(answer: str) -> None:
        if trail is not None:
            trail.write(time=system_clock(), pseudonym=pseudonym, grant=scope.grant, uid=os.getuid(), answer=answer)

    with closing(trail) if trail is not None else nullcontext():
        allowed = config.policy.file is None or (scope.who and scope.tenant is None)
        note("to be forgotten" if allowed else "refused to forget")
        if not allowed:
            raise NotAllowed(f"the scope (by {scope.grant}) has no who = true for every tenant; see policy.file")
        held = asyncio.run(forget_person(config, pseudonym, wait, lambda text: click.echo(text, err=True)))
        left = sum(h.after for h in held)
        note("forgotten" if not left else f"{left} still name the person")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("topic")
    for name in ("named the person", "still does"):
        table.add_column(name, justify="right")
    for topic, before, after in held:
        table.add_row(topic, f"{before:,}", f"{after:,}")
    console_of().print(table)
    topics = config.topics
    kept = f"{topics.observations} and {topics.rollups} name the person until the broker deletes what was before."
    click.echo(kept)
    if left:
        click.echo(
            "Something still names the person: do watch and portfolio run, and keep up? Then ask again.", err=True
        )
    return 1 if left else 0
