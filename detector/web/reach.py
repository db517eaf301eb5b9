"""Under which names pages and metrics are served: a page of elsewhere must not read those of a loopback address."""

from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

from detector.config import Web
from detector.loopback import is_loopback


def is_meant(host: str, settings: Web) -> bool:
    """Whether a request with this Host header means us.

    Where we listen on loopback alone, a name that somebody made lead here (DNS rebinding) would let their page read
    ours in the browser of whoever is at this machine. So a name has to be that of loopback or of `web.public_url`.
    """
    if not is_loopback(settings.host):
        return True
    try:
        asked = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    with suppress(ValueError):
        ip_address(asked)
        return True
    return is_loopback(asked) or (settings.public_url is not None and asked == urlsplit(settings.public_url).hostname)
