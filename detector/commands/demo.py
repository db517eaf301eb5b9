"""`detector demo`: a fleet of simulated agents, with runaways that are caught live."""

import sys

import click

from detector.commands import Setup

WITHOUT_TERMINAL_S = 90.0
"""How long it runs where nobody can press Ctrl-C."""


@click.command()
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="End after this long.")
@click.pass_obj
def demo(setup: Setup, seconds: float | None) -> int:
    """Show the detector at work on a simulated fleet; needs nothing but this program.

    Starts the embedded broker, the worker and agents, three of which run away. Ends at Ctrl-C, or after
    --seconds (90 where there is no terminal). Fails if a runaway was missed or an innocent one paged.

    \b
    Examples:
      detector demo
      detector demo --seconds 75
    """
    from detector.demo.run import run_demo

    if seconds is None and not sys.stdout.isatty():
        seconds = WITHOUT_TERMINAL_S
    return run_demo(setup.load(), seconds)
