"""`detector doctor`: says what is wrong with a deployment, and what to do."""

import click

from detector.commands import Setup

MARKS = {True: "ok", False: "WRONG", None: "?"}
"""None: it could not be told."""


@click.command()
@click.pass_obj
def doctor(setup: Setup) -> int:
    """Examine a deployment: brokers, topics, partition counts, Alertmanager, configuration, prices, clock.

    Says of each thing whether it is well, and if not, what to do. Changes nothing. Fails if one is wrong.

    \b
    Examples:
      detector doctor
      detector --config detector.toml doctor
    """
    import asyncio

    from detector.kafka.doctor import examine

    findings = asyncio.run(examine(setup.load(), path=setup.path))
    for finding in findings:
        click.echo(f"{MARKS[finding.ok]:5}  {finding.what}: {finding.detail}")
        if finding.fix:
            click.echo(f"       fix: {finding.fix}")
    wrong = sum(finding.ok is False for finding in findings)
    click.echo(f"{wrong} of {len(findings)} things are wrong" if wrong else "nothing is wrong")
    return 1 if wrong else 0
