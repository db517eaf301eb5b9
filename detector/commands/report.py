"""`detector report`: what agents burnt, where they circled and what came of it, as a page and a screen."""

import sys
from pathlib import Path

import click

from detector.commands import Setup


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, allow_dash=True))
@click.option(
    "--out",
    metavar="FILE",
    default="report.html",
    show_default=True,
    type=click.Path(dir_okay=False, allow_dash=True),
    help='The page: one HTML file that needs nothing else. "-" is standard output.',
)
@click.option(
    "--json",
    "figures",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True),
    help='Leave the figures here too. "-" is standard output.',
)
@click.pass_context
def report(context: click.Context, paths: tuple[str, ...], out: str, figures: str | None) -> int:
    """Say what agents burnt, where they circled and what came of it, from what was recorded.

    PATHS are read as by `detector replay`; "-" is standard input, which is also read where no path is given. Leaves a
    page with pictures and prints a summary. Nothing is sent anywhere, no text of a prompt or an answer and no person is
    in it, and the same input gives the same bytes. Without statuses it tells spend only.

    \b
    Examples:
      detector report calls.jsonl.gz status.jsonl
      detector report calls.jsonl --out week-47.html --json week-47.json
      zcat calls.jsonl.gz | detector report - --json - --out /dev/null
    """
    if not paths:
        if sys.stdin.isatty():
            raise click.UsageError("name a file, or send events to standard input", context)
        paths = ("-",)
    if out == figures:
        raise click.UsageError("--out and --json need two places; give one of them another file", context)
    for option, to in (("--out", out), ("--json", figures)):
        if to not in (None, "-") and not Path(to).absolute().parent.is_dir():
            raise click.BadParameter(f"there is no directory {Path(to).parent}", context, param_hint=f"'{option}'")
    setup: Setup = context.obj
    config = setup.load()
    from detector.report.run import report_files

    report_files(config, paths, out, figures, sys.stderr.isatty())
    return 0
