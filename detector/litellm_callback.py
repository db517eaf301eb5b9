"""The callback for LiteLLM's proxy, whose config names it: `callbacks: ["detector.litellm_callback.callback"]`.

What it imports of the detector is light: see detector/callback. docs/litellm.md says what to install and to set.
"""

import atexit
import logging
import os
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from litellm.integrations.custom_logger import CustomLogger

from detector.callback import settings as told
from detector.callback.feed import Dropped, Feed
from detector.callback.picking import Picker
from detector.errors import ConfigError

log = logging.getLogger("detector.callback")

PAYLOAD = "standard_logging_object"


class Callback(CustomLogger):  # type: ignore[misc]
    """Hands each call that ended, well or not, to the child. Never raises and never waits.

    Attributes: taken, sent, dropped (by reason; see Feed), all of them calls.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        super().__init__()
        self._feed: Feed | None = None
        try:
            settings = told.read(environment)
        except ConfigError as fault:
            log.error("detector callback: tells nothing: %s", fault)
            return
        self._pick: Callable[[Mapping[str, Any]], bytes] = Picker(settings.attributes).pick
        self._feed = Feed(settings, _counter())
        atexit.register(self.close)

    @property
    def taken(self) -> int:
        """Calls that were taken into the queue."""
        return self._feed.taken if self._feed else 0

    @property
    def sent(self) -> int:
        """Calls that the gateway, or Kafka, has."""
        return self._feed.sent if self._feed else 0

    @property
    def dropped(self) -> Counter[str]:
        """Calls that were not told, by reason."""
        return self._feed.dropped.copy() if self._feed else Counter()

    def close(self) -> None:
        """Sends what waits, within a bound. Later calls are dropped."""
        if self._feed is not None:
            self._feed.close()

    def _take(self, kwargs: Mapping[str, Any]) -> None:
        feed = self._feed
        if feed is None:
            return
        try:
            payload = kwargs.get(PAYLOAD)
            if payload and feed.has_room():
                feed.put(self._pick(payload))
        except Exception:
            with suppress(Exception):
                feed.drop("internal")

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Of LiteLLM: a call was answered, streams at their end."""
        self._take(kwargs)

    async def async_log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Of LiteLLM: a call failed, after all its attempts."""
        self._take(kwargs)

    def log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Of LiteLLM, for calls that are not asynchronous."""
        self._take(kwargs)

    def log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Of LiteLLM, for calls that are not asynchronous."""
        self._take(kwargs)


def _counter() -> Dropped:
    """Counts in the proxy's own metrics, where it has such."""
    try:
        from prometheus_client import Counter as Metric

        metric = Metric("detector_callback_dropped", "calls that the detector's callback did not tell", ["reason"])
    except Exception:  # not installed, or there already
        return lambda reason, calls: None
    return lambda reason, calls: metric.labels(reason).inc(calls)


callback = Callback()
"""What the proxy's config names."""
