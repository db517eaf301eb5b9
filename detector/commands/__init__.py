"""The subcommands of `detector`, one file each; what is heavy they import when they are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detector.config import Config


class Setup:
    """What every subcommand starts from: where the configuration is."""

    def __init__(self, path: str | None) -> None:
        self.path = path

    def load(self, **sections: Any) -> Config:
        """The configuration, and logging as it says; `sections` come from options. Raises ConfigError."""
        from detector import logs
        from detector.config import load_config

        config = load_config(self.path, **sections)
        logs.setup(config.log)
        return config


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows as text with aligned columns, two spaces between them."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
