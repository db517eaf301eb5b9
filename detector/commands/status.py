"""`detector status push`: tells the detector that a task moved, where nothing else does."""

import click

from detector.commands import Setup
from detector.commands.sending import ANY_TEXT, RIGHT, deliver, options, pushed_to, refusal
from detector.terminal import line

CATEGORIES = ("backlog", "planned", "started", "completed", "not_planned", "duplicate")
RIGHT_OF_STATUS = {**RIGHT, **dict.fromkeys(("from", "to", "deliverable", "reverts"), ANY_TEXT)}


@click.group()
def status() -> None:
    """Tell the detector what became of tasks.

    \b
    Example:
      detector status push --task PAY-1312 --to done
    """


@status.command()
@click.option("--task", required=True, help="The ticket, issue or job, as on the calls.")
@click.option("--to", required=True, help="Its state now, in your words; [statuses.states] says which are done.")
@click.option("--from", "from_", help="Its state before.")
@click.option("--category", type=click.Choice(CATEGORIES), help="Default: that of the state.")
@click.option(
    "--strength",
    type=click.Choice(("strong", "medium", "weak")),
    default="strong",
    help="strong: the task moved. medium: a commit, a green pipeline. Default: strong.",
)
@click.option("--actor", type=click.Choice(("human", "agent", "system")), help="Whose doing it was.")
@click.option("--source", help="Who says so: ci, deploy, …")
@click.option("--deliverable", help="Link or id of what shipped.")
@click.option("--reverts", help="The deliverable that is taken back.")
@options
@click.pass_context
def push(
    context: click.Context,
    /,
    to: str,
    category: str | None,
    timeout: int,
    gateway: str | None,
    dry_run: bool,
    **said: str | None,
) -> int:
    """Tell that a task moved: sends a status to the topic of statuses.

    A strong one starts the task's clock and its money anew, and resolves its alerts. Ends with 0 once all replicas of
    the topic have it. Needs where Kafka is and how to log in, nothing else; or the address of a gateway and a token
    for it: --gateway, DETECTOR_PUSH__TOKEN_FILE.

    \b
    Examples, in a step of a pipeline:
      detector status push --task "$TICKET" --to merged --source ci --deliverable "$PULL_REQUEST_URL"
      detector status push --task "$TICKET" --to green --strength medium --source ci
    After a rollback:
      detector status push --task "$TICKET" --to reopened --category started --reverts "$PULL_REQUEST_URL"
    """
    from detector.clock import system_clock
    from detector.errors import BadInput
    from detector.model.events import Status
    from detector.sources.making import encode_made, make
    from detector.sources.pushing import category_of, status_id, status_key

    setup: Setup = context.obj
    config = setup.load(**pushed_to(gateway))
    of = category or category_of(to, config.statuses.states)
    if of is None and said["strength"] == "strong":
        click.echo(f"no category is known for {to!r}: name it by --category, or in [statuses.states]", err=True)
    told = {"from" if name == "from_" else name: value for name, value in said.items()} | {"to": to, "category": of}
    try:
        made = make(Status, config.ingest, system_clock(), told)
    except BadInput as bad:
        raise refusal(context, bad, RIGHT_OF_STATUS) from bad
    made.id = said["id"] or status_id(made)
    value = encode_made(made)
    if dry_run:
        click.echo(value)
    else:
        which = f"{line(to)}, which is {of}" if of is not None and of != to else line(to)
        deliver(config, value, status_key(made), timeout, f"task {line(made.task or '')} is {which}", made.id)
    return 0
