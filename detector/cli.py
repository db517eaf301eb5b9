"""The command `detector`: finds the configuration, runs one subcommand, turns errors into exit codes."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from detector import __version__
from detector.commands import Setup
from detector.commands.audit import audit
from detector.commands.backtest import backtest
from detector.commands.broker import broker
from detector.commands.config import config
from detector.commands.connect import connect
from detector.commands.demo import demo
from detector.commands.doctor import doctor
from detector.commands.explain_event import explain_event
from detector.commands.forget import forget
from detector.commands.hook import hook
from detector.commands.incidents import incident, incidents
from detector.commands.link import link
from detector.commands.policy import policy
from detector.commands.prices import prices
from detector.commands.replay import replay
from detector.commands.report import report
from detector.commands.status import status
from detector.commands.topics import topics
from detector.commands.who import who
from detector.commands.worker import worker
from detector.errors import ConfigError, DetectorError, NotAllowed

FINE, FAILED, WRONG_USE, NOT_ALLOWED = 0, 1, 2, 3
_CODES: dict[type[DetectorError], int] = {ConfigError: WRONG_USE, NotAllowed: NOT_ALLOWED}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "path",
    metavar="FILE",
    type=click.Path(),
    help="Configuration in TOML; else the file that $DETECTOR_CONFIG names, else the defaults.",
)
@click.version_option(__version__, message="detector %(version)s")
@click.pass_context
def cli(context: click.Context, path: str | None) -> None:
    """Watches what AI agents spend, call by call, and says within seconds which of them ran away.

    \b
    Try it:            detector demo
    On recorded calls: detector replay calls.jsonl
                       detector report calls.jsonl
    On your Kafka:     export DETECTOR_KAFKA__BOOTSTRAP=broker-1:9092
                       detector topics
                       detector worker

    Every key of the configuration can be set by a variable, DETECTOR_SECTION__KEY; `detector config`
    lists them all. Exit codes: 0 fine, 1 failed, 2 wrong usage or configuration, 3 not
    allowed by the policy.
    """
    context.obj = Setup(path)


for command in (
    worker, topics, connect, doctor, incidents, incident, link, status, hook, explain_event,
    replay, report, audit, backtest, prices, policy, who, forget, demo, config, broker,
):  # fmt: skip
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line (of `arguments`, else of the process) and exits with its code."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code = cli.main(arguments, prog_name="detector", standalone_mode=False)
        sys.stdout.flush()
        return int(code or FINE)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except DetectorError as error:
        click.echo(f"detector: {error}", err=True)
        return _CODES.get(type(error), FAILED)
    except (click.Abort, KeyboardInterrupt):
        click.echo("detector: interrupted", err=True)
        return FAILED
    except BrokenPipeError:
        # Who read our output has gone. Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        if error.filename is None:
            raise
        click.echo(f"detector: {error.filename}: {error.strerror}", err=True)
        return FAILED
