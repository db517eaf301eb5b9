"""Topics that others write, in which format, and which of their attributes say whose a call is."""

import hashlib
import re
from collections.abc import Sequence
from typing import Literal

from pydantic import Field, field_validator

from detector.config.settings import Name, Section
from detector.sources.usual_attributes import SEPARATOR

Format = Literal["native", "cloudevents", "otlp_logs", "otlp_spans", "litellm"]
Transcript = Literal["rollout", "gemini_sessions", "gemini_outfile", "claude_transcripts"]
"""Formats of files that coding agents leave on disk; no topic holds them."""
_OWN = 2
_NUMBERS = 1 << 15


def _names(described: str) -> list[str] | None:
    told: list[str] | None = Field(None, description=f"attributes that say {described}, tried in order")
    return told


class Attributes(Section):
    """Names of attributes; `NAME ~ PATTERN` takes the first match of a regular expression in its text."""

    tenant: list[str] | None = _names("whose data it is")
    team: list[str] | None = _names("the team that pays")
    user: list[str] | None = _names("the person")
    agent: list[str] | None = _names("the agent")
    key: list[str] | None = _names("the credential at a gateway, its id or hash")
    run: list[str] | None = _names("the session or execution of an agent")
    parent_run: list[str] | None = _names("the run that started it")
    task: list[str] | None = _names("the ticket, issue or job")
    task_type: list[str] | None = _names("the type of the task")

    @field_validator("*")
    @classmethod
    def _patterns_are_regular(cls, names: list[str] | None) -> list[str] | None:
        for name in names or ():
            attribute, separator, pattern = name.partition(SEPARATOR)
            if not attribute.strip() or (separator and not pattern):
                raise ValueError(f"must be the name of an attribute, or NAME{SEPARATOR}PATTERN")
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"has a pattern that is no regular expression: {error}") from None
        return names


class Source(Section):
    """A topic that others write."""

    topic: Name = Field(description="its name")
    format: Format = Field(description="native: docs/inputs.md; otlp_…: protobuf or JSON; litellm: its logging payload")
    tenant: str = Field("default", description="whose data it is, where no attribute says so")
    team: str | None = Field(None, description="the team that pays, where no attribute says so")
    attributes: Attributes = Field(Attributes(), description="instead of the format's own lists")


class Replay(Section):
    """Files that `detector replay` reads: whose they are, where they do not say so. Native events say it themselves."""

    tenant: str = Field("default", description="whose data it is, where no attribute says so")
    team: str | None = Field(None, description="the team that pays, where no attribute says so")
    attributes: Attributes = Field(Attributes(), description="instead of the lists of the transcripts' formats")


def number_of(topic: str, native: Sequence[str]) -> int:
    """Of a topic among the sources; the same after any change to the list, since watch remembers sources by it."""
    if topic in native:
        return native.index(topic)
    hashed = int.from_bytes(hashlib.blake2b(topic.encode(), digest_size=8).digest())
    return _OWN + hashed % (_NUMBERS - _OWN)


def check_topics(sources: Sequence[Source], taken: Sequence[str]) -> None:
    """Raises ValueError where a topic is there twice, or is one of those `taken`."""
    seen: dict[int, str] = {}
    for source in sources:
        topic, number = source.topic, number_of(source.topic, ())
        if topic in taken:
            raise ValueError(f"{topic} is a topic of the detector itself; see [topics]")
        if topic in seen.values():
            raise ValueError(f"{topic} is there twice")
        if number in seen:
            raise ValueError(f"{topic} cannot be told from {seen[number]} in the state; read it under another name")
        seen[number] = topic
