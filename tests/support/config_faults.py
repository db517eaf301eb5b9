"""What is said of a configuration that is wrong."""

from pathlib import Path
from typing import Any

import pytest

from detector.config import load_config
from detector.errors import ConfigError


def faults(path: Path | str | None = None, **sections: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path, **sections)
    return str(caught.value)
