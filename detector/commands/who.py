"""`detector who`: whose a pseudonym is, for those whom the policy allows."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import click

from detector.commands import Setup
from detector.commands.pseudonym import Pseudonym
from detector.terminal import line

if TYPE_CHECKING:
    from detector.policy.scope import Scope


@click.command()
@click.argument("pseudonym", type=Pseudonym())
@click.option(
    "--names",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    required=True,
    help='File of names as events send them, one a line; "-" is standard input.',
)
@click.option("--tenant", default="default", show_default=True, help="Whose data it is: pseudonyms differ by tenant.")
@click.pass_obj
def who(setup: Setup, pseudonym: str, names: str, tenant: str) -> int:
    """Say whose PSEUDONYM is, out of a list of names; nothing but that name is printed, and none is kept.

    A pseudonym is a keyed hash: nobody can read it back, but each name of a company's directory can be hashed and
    compared. Needs the key (privacy.pseudonym_key_file; for a pseudonym from before a rotation the old one), a token
    (DETECTOR_POLICY__TOKEN_FILE) whose grant in policy.file has who = true, and policy.trail_file, which gets a line
    for each question, and one for its answer before it is printed.

    Exit codes: 0 found, 1 not found, 2 wrong usage, 3 refused.

    \b
    Example:
      detector who u-bca97d83f2de --names directory.txt --tenant acme
    """
    import logging

    from detector.clock import system_clock
    from detector.errors import ConfigError, NotAllowed
    from detector.policy.grants import Policy, own, scope_of
    from detector.policy.names import named
    from detector.policy.trail import Trail

    if not tenant.isprintable():
        raise click.UsageError("--tenant is no name")
    config = setup.load()
    policy = Policy.configured(config)
    if config.policy.trail_file is None:
        raise ConfigError("policy.trail_file: name a file; whose a pseudonym is, is told only where that is written")
    scope = scope_of(policy, own(config))
    allowed = scope.who and scope.tenant in (None, tenant)
    with closing(Trail(config.policy.trail_file)) as trail:

        def note(answer: str) -> None:
            told = {
                "pseudonym": pseudonym,
                "tenant": tenant,
                "grant": scope.grant,
                "uid": os.getuid(),
                "answer": answer,
            }
            trail.write(time=system_clock(), **told)
            # At error, so that it is heard at every log.level.
            logging.getLogger(__name__).error("asked whose a pseudonym is", extra=told)

        note("asked" if allowed else "refused")  # before any name is read: that it takes long says something too
        if not allowed:
            raise NotAllowed(_why(scope))
        with click.open_file(names, "rb") as lines:
            found = named(policy.pseudonyms, tenant, pseudonym, lines)
        note("not found" if found is None else "found")
    if found is None:
        return 1
    click.echo(line(found))
    return 0


def _why(scope: Scope) -> str:
    if not scope.who:
        return f"the scope (by {scope.grant}) has no who = true; see policy.file and DETECTOR_POLICY__TOKEN_FILE"
    return f"the scope (by {scope.grant}) is of the tenant {scope.tenant!r}"
