"""The section of the gateway: where it listens, who may send, and how much it takes."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from detector.config.settings import Count, Positive, Section
from detector.config.sources import Attributes
from detector.loopback import is_loopback


class ByFormat(Section):
    """Attributes that say whose an event is, instead of a format's own lists."""

    otlp_logs: Attributes = Attributes()
    otlp_spans: Attributes = Attributes()
    litellm: Attributes = Attributes()


class Gateway(Section):
    """The stage that takes events over HTTP and writes them to Kafka."""

    host: str = Field("127.0.0.1", description="address to listen on; loopback unless told otherwise")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        4318, description="OTLP/HTTP's own; 0: any free port, which is logged"
    )
    tokens: SecretStr | None = Field(
        None, description="secret: bearer tokens, a TENANT TOKEN by line or comma; better by variable or file"
    )
    tokens_file: Path | None = Field(None, description="file that holds them, a line each; wins over a value")
    anonymous: bool = Field(
        False,
        description="true: without tokens it listens on other addresses than loopback too; whoever reaches it sends",
    )
    certfile: Path | None = Field(None, description="certificate chain in PEM: then it speaks HTTPS")
    keyfile: Path | None = Field(None, description="its key in PEM, not encrypted")
    team: str | None = Field(None, description="the team that pays, where no attribute says so")
    texts: bool = Field(
        False, description="true: texts go to Kafka as they are sent; false: sketches and fingerprints stand for them"
    )
    max_body_bytes: Count = Field(16_777_216, description="a larger body, packed or unpacked, is refused: 413")
    max_event_bytes: Count = Field(
        900_000, description="an event that is larger as JSON is refused; brokers take 1 MiB unless told otherwise"
    )
    max_in_hand_bytes: Count = Field(
        134_217_728, description="bodies that are being taken, in all; while there are more it answers 429"
    )
    max_requests: Count = Field(1000, description="requests at once, likewise")
    read_s: Positive = Field(30.0, description="a body has to be there within this time, else 408")
    answer_s: Positive = Field(
        10.0, description="what Kafka has not acknowledged by then is answered 503; it is still written when it can be"
    )
    attributes: ByFormat = ByFormat()

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self.host)
