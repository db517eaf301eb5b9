"""Certificates of our own: of a server, or of a client that is known by one."""

import ssl
from pathlib import Path

from detector.errors import ConfigError


def load_pair(context: ssl.SSLContext, keys: str, certfile: Path, keyfile: Path | None) -> None:
    """Loads a certificate and its key, which stand in the configuration as `keys`certfile and -keyfile.

    Raises ConfigError.
    """
    try:
        # An empty password answers the prompt that an encrypted key would otherwise open on the terminal.
        context.load_cert_chain(certfile, keyfile, password="")
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"{keys}certfile or {keys}keyfile: {certfile}, {keyfile} "
            f"are no readable pair of certificate and unencrypted key in PEM ({error})"
        ) from error
