"""`detector link`: tells the detector which task a run works on."""

import click

from detector.commands import Setup

ANY_TEXT, SOME_TEXT = "has to have at most 512 characters", "has to have 1 to 512 characters"
RIGHT = {
    "run": SOME_TEXT,
    "task": SOME_TEXT,
    "id": SOME_TEXT,
    "tenant": ANY_TEXT,
    "source": ANY_TEXT,
    "time": "has to be RFC 3339 with an offset, as 2026-11-20T09:14:03Z or 2026-11-20T10:14:03+01:00",
}
"""By option what ingest takes; the decoder says the same in its own words."""


@click.command()
@click.option("--run", required=True, help="The run, as on its calls.")
@click.option("--task", required=True, help="The ticket, issue or job that it works on, as on statuses.")
@click.option("--tenant", help="As on the calls. Default: default.")
@click.option("--source", help="Who says so: git, ci, …")
@click.option("--time", metavar="RFC3339", help="When it was so, with the offset. Default: now.")
@click.option("--id", help="Id of the event. Default: made of all that the link says, its time included.")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.IntRange(1, 3600),
    default=15,
    help="Fail where Kafka has not acknowledged the link by then. Default: 15.",
)
@click.option("--dry-run", is_flag=True, help="Print the event as JSON and send nothing.")
@click.pass_context
def link(
    context: click.Context,
    run: str,
    task: str,
    tenant: str | None,
    source: str | None,
    time: str | None,
    id: str | None,
    timeout: int,
    dry_run: bool,
) -> int:
    """Tell the detector which task a run works on: sends a link to the topic of statuses.

    From then on calls of the run that name no task count for that one, so that its statuses hold back pages
    and what it costs is judged as a whole. The link that is sent last holds, whatever its time: a run may go to
    another task and back. To send one twice does no harm.

    Ends with 0 once all replicas of the topic have the link. Needs where Kafka is and how to log in, nothing
    else: --config, or variables such as DETECTOR_KAFKA__BOOTSTRAP.

    \b
    Example, by hand:
      detector link --run s-481 --task PAY-1312
    At the start of a session, from a hook that knows its id:
      detector link --run "$SESSION_ID" --task "$TICKET" --source session
    After a commit, in .git/hooks/post-commit, on branches such as PAY-1312-round-cents:
      task=$(git branch --show-current | grep -oE '^[A-Z]+-[0-9]+') || exit 0
      detector link --run "$SESSION_ID" --task "$task" --source git \\
        --time "$(git log -1 --format=%cI)" --timeout 5
    In a step of CI, where an agent's run is named after the job:
      detector link --run "ci-$BUILD_ID" --task "$TICKET" --source ci
    """
    import asyncio

    from detector.clock import system_clock
    from detector.errors import BadInput, Reason
    from detector.sources.linking import encode_link, link_key, make_link

    setup: Setup = context.obj
    config = setup.load()
    try:
        made = make_link(
            config.ingest, system_clock(), run=run, task=task, tenant=tenant, source=source, time=time, id=id
        )
    except BadInput as bad:
        malformed = bad.reason in (Reason.OUT_OF_RANGE, Reason.WRONG_TYPE)
        told = RIGHT[bad.field] if malformed else bad.detail
        raise click.BadParameter(told, context, param_hint=f"'--{bad.field}'") from bad
    value = encode_link(made)
    if dry_run:
        click.echo(value)
        return 0
    from detector.kafka.outbox import Out
    from detector.kafka.sending import send

    asyncio.run(send(config, Out(config.topics.status, value, link_key(made)), timeout))
    click.echo(f"run {line(run)} works on task {line(task)}: sent to {config.topics.status} as {line(made.id)}")
    return 0


def line(text: str) -> str:
    """A name that fits a line and does nothing to a terminal."""
    return text if text.isprintable() else repr(text)
