"""`detector replay`: transcripts and recorded events through the same engine, without Kafka."""

import sys

import click

from detector.commands import Setup


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, allow_dash=True))
@click.option(
    "--alerts",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Where alert records go, one a line. Default: standard output, nowhere with --explain or on a terminal.",
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
@click.option("--team", help="The team that pays for what is in files that name none. Default: replay.team.")
@click.option("--tenant", help="Whose data is in files that do not say so. Default: replay.tenant.")
@click.pass_context
def replay(
    context: click.Context,
    files: tuple[str, ...],
    alerts: str | None,
    signals: str | None,
    explain: str | None,
    team: str | None,
    tenant: str | None,
) -> int:
    """Judge what agents did: FILES and folders of what they left on disk, or of recorded events.

    Told apart by content, whatever their names, .gz or not: transcripts of Codex, Gemini CLI and Claude Code,
    OTLP bodies and what a collector wrote to files, payloads of LiteLLM, native events as JSON lines. "-" is
    standard input, which is also read where no file is given. All is merged by time, and each call counts once.
    The clock is that of the events: last month's calls give last month's alerts, and the same input gives
    the same bytes. In the end it says on standard error what was spent by which agent, and where it went round.

    \b
    Examples:
      detector replay ~/.codex/sessions ~/.gemini/tmp ~/.claude/projects
      detector replay calls.jsonl
      detector replay calls.jsonl.gz status.jsonl --alerts alerts.jsonl --signals signals.jsonl
      zcat calls.jsonl.gz | detector replay - --alerts /dev/null --signals -
      detector replay calls.jsonl.gz --explain call-17
    """
    if not files:
        if sys.stdin.isatty():
            raise click.UsageError("name a file, or send events to standard input", context)
        files = ("-",)
    if alerts is None and explain is None and not sys.stdout.isatty():
        alerts = "-"
    if alerts is not None and alerts == signals:
        raise click.UsageError("--alerts and --signals need two places; give one of them a file", context)
    setup: Setup = context.obj
    own = {name: value for name, value in (("team", team), ("tenant", tenant)) if value is not None}
    config = setup.load(replay=own) if own else setup.load()
    from detector.replay.run import replay_files

    summary = replay_files(config, list(files), alerts, signals, explain, sys.stderr.isatty())
    return 0 if explain is None or summary.explained else 1
