"""`detector backtest`: a history under several thresholds, before any of them pages."""

import sys
from pathlib import Path

import click

from detector.commands import Setup


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, allow_dash=True))
@click.option("--rule", metavar="RULE", help="Judge by this rule alone. Default: all, as they are configured.")
@click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE[,VALUE...]",
    multiple=True,
    help="Values of a threshold of RULE to try; may be repeated: every combination is tried, at most 24.",
)
@click.option("--json", "to", metavar="FILE", type=click.Path(dir_okay=False), help="Leave the figures here too.")
@click.pass_context
def backtest(
    context: click.Context, files: tuple[str, ...], rule: str | None, settings: tuple[str, ...], to: str | None
) -> int:
    """Choose thresholds on your own past: replays FILES under each setting, and says what it would have done.

    FILES are read as by `detector replay`, and once, however many settings there are. For each setting: alerts a
    week by severity, the agents, teams and tasks that they name most, the dollars that stopping each at its page would
    have saved, and how many pages were followed by progress, so that they were probably wrong. The first setting is
    the configuration as it is. An [[overrides]] of a threshold stays over the values tried.

    \b
    Examples, from the first look to what goes into production:
      detector backtest calls.jsonl.gz status.jsonl                 # what the configuration would have done
      detector backtest calls.jsonl.gz status.jsonl --rule spend_spike --set floor_usd=10,20,30
      detector backtest calls.jsonl.gz status.jsonl --rule spend_spike \\
        --set floor_usd=20 --set page_times_usual=4,5.5,8 --json figures.json
      DETECTOR_RULES__SPEND_SPIKE__FLOOR_USD=30 detector backtest calls.jsonl.gz status.jsonl   # once more, all rules
    Then put the value into [rules.spend_spike] of the configuration. Give it at least two weeks, with statuses:
    in the first days nothing is usual yet, and without statuses spend never pages.
    """
    if not files:
        if sys.stdin.isatty():
            raise click.UsageError("name a file, or send events to standard input", context)
        files = ("-",)
    if to is not None and not Path(to).absolute().parent.is_dir():
        raise click.BadParameter(f"there is no directory {Path(to).parent}", context, param_hint="'--json'")
    setup: Setup = context.obj
    from detector.replay.trials import trials

    chosen = trials(setup.load(), rule, settings)
    import json

    from detector.replay.backtest import backtest as judged
    from detector.replay.backtest import figures
    from detector.replay.backtest_table import console_of_output, show

    found = figures(judged(chosen, rule, list(files), sys.stderr.isatty()), rule)
    show(found, console_of_output())
    if to is not None:
        Path(to).write_text(json.dumps(found, indent=2) + "\n")
    return 0
