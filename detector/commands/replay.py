"""`detector replay`: recorded events through the same engine, without Kafka."""

import sys

import click

from detector.commands import Setup


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--alerts",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Where alert records go, one a line. Default: standard output, nowhere with --explain.",
)
@click.option(
    "--signals",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Where one line a call goes, with what the rules saw.",
)
@click.option(
    "--explain",
    metavar="CALL_ID",
    help="Say what each rule made of this call, fired or not: features, thresholds, and which of them decided.",
)
@click.pass_context
def replay(
    context: click.Context, files: tuple[str, ...], alerts: str | None, signals: str | None, explain: str | None
) -> int:
    """Judge recorded events: FILES of calls, tool results, statuses and links, as JSON lines, .gz or not.

    "-" is standard input, which is also read where no file is given. Several files are merged by time.
    The clock is that of the events: last month's calls give last month's alerts, and the same input gives
    the same bytes.

    \b
    Examples:
      detector replay calls.jsonl
      detector replay calls.jsonl.gz status.jsonl --alerts alerts.jsonl --signals signals.jsonl
      zcat calls.jsonl.gz | detector replay - --alerts /dev/null --signals -
      detector replay calls.jsonl.gz --explain call-17
    """
    if not files:
        if sys.stdin.isatty():
            raise click.UsageError("name a file, or send events to standard input", context)
        files = ("-",)
    if alerts is None and explain is None:
        alerts = "-"
    if alerts is not None and alerts == signals:
        raise click.UsageError("--alerts and --signals need two places; give one of them a file", context)
    setup: Setup = context.obj
    config = setup.load()
    from detector.replay.run import replay_files

    summary = replay_files(config, list(files), alerts, signals, explain, sys.stderr.isatty())
    return 0 if explain is None or summary.explained else 1
