"""Secrets come as a value (a variable, the TOML file) or as a file that an orchestrator mounts."""

from pathlib import Path

from pydantic import SecretStr

from detector.errors import ConfigError


def reveal(value: SecretStr | None, file: Path | None, key: str) -> str | None:
    """The secret in the clear, None where neither is set; `key` is its dotted name, for errors.

    A file wins over a value and loses its trailing line break. Raises ConfigError where it cannot be read.
    """
    if file is None:
        return value.get_secret_value() if value is not None else None
    try:
        secret = file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        # From None: an error of decoding carries the bytes.
        raise ConfigError(f"{key}_file: {file} cannot be read ({type(error).__name__})") from None
    if not secret:
        raise ConfigError(f"{key}_file: {file} is empty; write the secret into it")
    return secret
