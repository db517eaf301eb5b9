"""`detector explain-event`: every event that a captured body becomes, and where each of its fields comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from detector.commands import Setup, columns

if TYPE_CHECKING:
    from detector.config import Config, Source
    from detector.sources.explaining import Explained
    from detector.sources.reading import Origin

FORMATS = (
    "native", "cloudevents", "otlp_logs", "otlp_spans", "litellm",
    "rollout", "gemini_sessions", "gemini_outfile", "claude_transcripts",
)  # fmt: skip


@click.command("explain-event")
@click.argument("file", type=click.File("rb"))
@click.option("--format", "of", type=click.Choice(FORMATS), help="What the file holds. Default: as its content says.")
@click.option("--topic", help="Read as this topic of [[sources]] is, with its lists of attributes.")
@click.pass_obj
def explain_event(setup: Setup, file: Any, of: str | None, topic: str | None) -> int:
    """Show every event that the captured body in FILE becomes, field by field, and where each comes from.

    FILE holds what a client sent, or the value of a record of a topic: OTLP (protobuf or JSON), a payload of
    LiteLLM, a CloudEvent, native events, one or one a line; or it is a transcript of Codex, Gemini CLI or Claude
    Code. - is standard input. Texts are told by their length alone. Fails where an
    event cannot be used, or nothing in it is one.

    \b
    Examples:
      detector explain-event body.bin
      kcat -C -b broker:9092 -t otlp_logs -c 1 -o -1 -e | detector explain-event --topic otlp_logs -
    """
    from detector.sources.explaining import explain
    from detector.sources.reading import finished
    from detector.sources.recognise import format_of

    config = setup.load()
    body: bytes = file.read()
    source = _origin(config, topic, of or format_of(body))
    body, is_whole = finished(source.format, body)
    explained = explain(source, body)
    for number, one in enumerate(explained, 1):
        _show(number, one)
    bad = sum(one.refused is not None for one in explained)
    if not is_whole:
        click.echo("its end is still being written: read up to there")
    click.echo(f"{len(explained)} events as {source.format}, {bad} of them cannot be used")
    return 1 if bad or not explained else 0


def _origin(config: Config, topic: str | None, format: Any) -> Origin:
    if topic is not None:
        return _topic(config.sources, topic)
    if format is None:
        raise click.BadParameter(
            "is neither JSON nor OTLP nor a transcript; name what it is by --format", param_hint="'FILE'"
        )
    from detector.sources.reading import saved

    return saved(config, format)


def _topic(sources: list[Source], topic: str) -> Source:
    for source in sources:
        if source.topic == topic:
            return source
    known = ", ".join(source.topic for source in sources) or "none"
    raise click.BadParameter(f"is no topic of [[sources]]; known are: {known}", param_hint="'--topic'")


def _show(number: int, one: Explained) -> None:
    if one.refused is not None:
        click.echo(f"{number}  cannot be used: {one.refused}\n")
        return
    click.echo(f"{number}  {one.type}")
    rows = [(f"   {field.name}", field.value, field.origin) for field in one.fields]
    click.echo(columns(rows) + "\n")
