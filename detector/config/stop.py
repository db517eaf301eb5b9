"""The section [stop]: who is asked to stop what a critical alert names, and how."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from detector.config.addresses import asked
from detector.config.settings import Name, Positive, Section
from detector.loopback import is_loopback


class Stop(Section):
    """Asking something of yours to stop what a critical alert names; see docs/stop.md."""

    mode: Literal["off", "dry_run", "on"] = Field(
        "off", description="dry_run: what would be asked is written to topics.stops and nobody is asked"
    )
    url: str | None = Field(None, description="address that is asked, by a signed POST; https beyond this machine")
    secret: SecretStr | None = Field(
        None,
        description="secret that requests are signed with, as text or whsec_ and base64; better by variable or file",
    )
    secret_file: Path | None = Field(None, description="file that holds the secret; wins over a value")
    rules: list[Name] = Field(
        ["loop", "spend_spike"], description="rules whose critical alerts ask, where they name a run, an agent or a key"
    )
    timeout_s: Positive = Field(10.0, description="a request is given up after this long, and repeated")
    give_up_s: Positive = Field(600.0, description="it is repeated for this long, or until the alert has resolved")

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, address: str | None) -> str | None:
        if address is None:
            return None
        parts = asked(address, "https://stopper.example/stop", "requests are signed by stop.secret_file")
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise ValueError("needs https:// beyond this machine, since requests name keys and agents")
        return address

    @model_validator(mode="after")
    def _can_ask(self) -> Self:
        if self.mode != "off" and self.url is None:
            raise ValueError("needs url, unless mode is off")
        if self.mode == "on" and self.secret is None and self.secret_file is None:
            raise ValueError("needs secret_file or secret where mode is on")
        return self
