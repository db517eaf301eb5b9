"""`detector worker`: runs the stages."""

import click

from detector.commands import Setup
from detector.pipeline.stage import STAGES


@click.command()
@click.option(
    "--stage",
    "stages",
    multiple=True,
    type=click.Choice(STAGES),
    help="Run this stage only; may be given several times. Default: all.",
)
@click.pass_obj
def worker(setup: Setup, stages: tuple[str, ...]) -> int:
    """Run the detector on Kafka, all stages or some.

    The gateway takes events over HTTP (see gateway.port, and `detector connect`).
    Serves /metrics, /healthz and /readyz (see web.port). Ends at SIGTERM or Ctrl-C, with the work in hand
    finished; a second one ends it at once. Run it again and it goes on where it stopped.

    \b
    Examples:
      detector worker
      detector --config detector.toml worker --stage ingest
      DETECTOR_WEB__PORT=9465 detector worker --stage watch --stage notify
    """
    import asyncio

    from detector.pipeline.worker import Worker, serve

    return asyncio.run(serve(Worker(setup.load(), stages or STAGES)))
