"""`detector topics`: creates or checks the topics."""

import click

from detector.commands import Setup, columns


@click.command()
@click.option("--check", is_flag=True, help="Change nothing, only say what is missing or different.")
@click.pass_obj
def topics(setup: Setup, check: bool) -> int:
    """Create the topics that the detector needs, and check those that are there.

    Existing topics are never changed. Fails if one is missing or not as it must be.

    \b
    Examples:
      detector topics
      DETECTOR_TOPICS__REPLICATION=3 detector topics
      detector topics --check
    """
    import asyncio

    from detector.kafka.admin import ensure_topics

    reports = asyncio.run(ensure_topics(setup.load(), create=not check))
    rows = [(report.topic, str(report.partitions), report.state, report.detail) for report in reports]
    click.echo(columns([("topic", "partitions", "state", "detail"), *rows]))
    for report in reports:
        if not report.ok:
            click.echo(f"fix {report.topic}: {report.fix}")
    return 0 if all(report.ok for report in reports) else 1
