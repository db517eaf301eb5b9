"""`detector link`: tells the detector which task a run works on."""

import click

from detector.commands import Setup
from detector.commands.sending import RIGHT, SOME_TEXT, deliver, options, pushed_to, refusal
from detector.terminal import line

RIGHT_OF_LINK = {**RIGHT, "run": SOME_TEXT, "parent_run": SOME_TEXT}


@click.command()
@click.option("--run", required=True, help="The run, as on its calls.")
@click.option("--task", help="The ticket, issue or job that it works on, as on statuses.")
@click.option("--parent-run", help="The run that started it, as on that one's calls: it works on the same task.")
@click.option("--source", help="Who says so: git, ci, …")
@options
@click.pass_context
def link(
    context: click.Context,
    run: str,
    task: str | None,
    parent_run: str | None,
    tenant: str | None,
    source: str | None,
    time: str | None,
    id: str | None,
    timeout: int,
    gateway: str | None,
    dry_run: bool,
) -> int:
    """Tell the detector which task a run works on: sends a link to the topic of statuses.

    Takes --task, or --parent-run, or both. From then on calls of the run that name no task count for that one, or
    for that of the run that started it, so that its statuses hold back pages and what it costs is judged as a
    whole. The link that is sent last holds, whatever its time: a run may go to another task and back. To send one
    twice does no harm.

    Ends with 0 once all replicas of the topic have the link. Needs where Kafka is and how to log in, nothing
    else: --config, or variables such as DETECTOR_KAFKA__BOOTSTRAP. Or it needs the address of a gateway and a
    token for it: --gateway, DETECTOR_PUSH__TOKEN_FILE.

    \b
    Example, by hand:
      detector link --run s-481 --task PAY-1312
    At the start of a session, from a hook that knows its id (of Claude Code: see detector hook claude-code):
      detector link --run "$SESSION_ID" --task "$TICKET" --source session
    After a commit, in .git/hooks/post-commit, on branches such as PAY-1312-round-cents:
      task=$(git branch --show-current | grep -oE '^[A-Z]+-[0-9]+') || exit 0
      detector link --run "$SESSION_ID" --task "$task" --source git \\
        --time "$(git log -1 --format=%cI)" --timeout 5
    In a step of CI, where an agent's run is named after the job, by a gateway:
      detector link --run "ci-$BUILD_ID" --task "$TICKET" --source ci --gateway https://detector.example
    Where one agent starts another:
      detector link --run "$CHILD_ID" --parent-run "$SESSION_ID"
    """
    from detector.clock import system_clock
    from detector.errors import BadInput
    from detector.sources.linking import link_key, make_link
    from detector.sources.native import encode

    if task is None and parent_run is None:
        raise click.UsageError("Missing option '--task' or '--parent-run'.", context)
    setup: Setup = context.obj
    config = setup.load(**pushed_to(gateway))
    try:
        made = make_link(
            config.ingest, system_clock(), run=run, task=task, parent_run=parent_run,
            tenant=tenant, source=source, time=time, id=id,
        )  # fmt: skip
    except BadInput as bad:
        raise refusal(context, bad, RIGHT_OF_LINK) from bad
    value = encode(made)
    if dry_run:
        click.echo(value)
    else:
        said = [f"works on task {line(task)}"] if task else []
        said += [f"was started by run {line(parent_run)}"] if parent_run else []
        deliver(config, value, link_key(made), timeout, f"run {line(run)} {' and '.join(said)}", made.id)
    return 0
