"""`detector audit`: what was spent, and what it achieved."""

import re
import sys

import click

from detector.commands import Setup

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


class _Month(click.ParamType):
    name = "YYYY-MM"

    def convert(self, value: str, param: click.Parameter | None, context: click.Context | None) -> tuple[int, int]:
        found = _MONTH.fullmatch(value)
        if found is None or not 2000 <= int(found[1]) < 2100:
            self.fail(f"{value!r} is no month such as 2026-11", param, context)
        return int(found[1]), int(found[2])


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, allow_dash=True))
@click.option(
    "--days", default=30.0, show_default=True, type=click.FloatRange(0, min_open=True), help="Before the last event."
)
@click.option("--month", metavar="YYYY-MM", type=_Month(), help="That calendar month (UTC) instead.")
@click.option("--team", help="Of this team alone.")
@click.option(
    "--format", "form", default="terminal", show_default=True, type=click.Choice(["terminal", "html", "csv", "json"])
)
@click.option(
    "--invoice",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="CSV of what was billed, with columns of FOCUS or provider, model, day and usd: tells what is unexplained.",
)
@click.pass_context
def audit(
    context: click.Context,
    paths: tuple[str, ...],
    days: float,
    month: tuple[int, int] | None,
    team: str | None,
    form: str,
    invoice: str | None,
) -> int:
    """Say what was spent and what it achieved: tasks completed, outcomes, the cost of one, and what shipped nothing.

    PATHS are read as by `detector replay` ("-": standard input), and every figure is exact to the call. Without any it
    tells what portfolio has kept: of the last 100 days, exact to the hour for 8 of them, else to the day. Every
    figure can be recomputed from the same events; docs/portfolio.md says what each means and how it can mislead.

    \b
    Examples:
      detector audit
      detector audit calls.jsonl.gz status.jsonl
      detector audit calls.jsonl.gz status.jsonl --month 2026-10 --format html > october.html
      detector audit calls.jsonl.gz --month 2026-10 --invoice october.csv
    """
    setup: Setup = context.obj
    config = setup.load()
    from detector.audit.figures import to_json
    from detector.audit.invoice import compare, read
    from detector.audit.page import page
    from detector.audit.run import audit_files, of_month
    from detector.audit.table import to_csv
    from detector.audit.terminal import show
    from detector.audit.topics import audit_topics
    from detector.policy.figures import restrict_figures, team_to_ask
    from detector.policy.grants import Policy, own, scope_of
    from detector.report.terminal import console_of

    window = of_month(*month) if month is not None else None
    scope = scope_of(Policy.configured(config), own(config))
    team = team_to_ask(scope, team)
    if team is not None and invoice is not None:
        raise click.UsageError(
            f"an invoice does not say whose calls it bills, so none can be compared with team {team!r}", context
        )
    charges = None if invoice is None else list(read(invoice))  # first: what is wrong with it is said at once
    if paths:
        figures = audit_files(config, paths, window, days, team=team, progress=sys.stderr.isatty())
    else:
        figures = audit_topics(config, window, days, team, scope.tenant)
    if charges is not None:
        figures.invoice = compare(charges, figures.models, figures.began_t or 0.0, figures.ended_t or 0.0)
    figures = restrict_figures(figures, scope)
    if form == "json":
        sys.stdout.buffer.write(to_json(figures))
    elif form == "csv":
        sys.stdout.write(to_csv(figures))
    elif form == "html":
        sys.stdout.buffer.write(page(figures).encode())
    else:
        show(figures, console_of())
    return 0
