"""`detector broker`: the embedded broker by itself, to play with."""

import click

from detector.commands import Setup
from detector.errors import DeploymentError


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=9092, help="Default: 9092; 0: any free one.")
@click.option("--partitions", type=click.IntRange(1, 1000), help="Of each topic. Default: topics.partitions.")
@click.pass_obj
def broker(setup: Setup, port: int, partitions: int | None) -> int:
    """Run the embedded broker on loopback until Ctrl-C.

    It speaks Kafka's protocol and has the detector's topics, but it is a toy: it keeps about 5 MB a partition
    in memory, forgets older records, and knows neither compaction nor access control.

    \b
    Example, in two terminals:
      detector broker
      detector worker
    """
    import signal

    from detector.kafka.embedded import EmbeddedBroker

    config = setup.load(topics={"partitions": partitions} if partitions else {})
    # Ends as Ctrl-C does, so that the broker's process never outlives this one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with EmbeddedBroker(config.topics.partitions, port) as running:
            running.create_topics(config)
            click.echo(f"The broker is at {running.bootstrap}; Ctrl-C ends it.")
            click.echo(f"  DETECTOR_KAFKA__BOOTSTRAP={running.bootstrap} detector worker")
            running.wait()
    except KeyboardInterrupt:
        return 0
    raise DeploymentError("the broker ended by itself")
