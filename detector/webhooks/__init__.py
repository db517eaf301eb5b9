"""Webhooks: deliveries of trackers, forges and pipelines, verified, to statuses and links.

A file a provider, each with `verify` (raises Refused) and `take` (raises BadInput); nothing here reads or writes.
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from types import ModuleType
from typing import NamedTuple

import msgspec

from detector.config.settings import Ingest, States
from detector.config.webhooks import Hook, Webhooks
from detector.errors import BadInput
from detector.secret import reveal
from detector.sources.native import refusal
from detector.sources.times import seconds, taken_at
from detector.webhooks import cdevents, github, gitlab, jira, linear
from detector.webhooks.refusing import Refused, stale
from detector.webhooks.seen import Seen
from detector.webhooks.signatures import Headers
from detector.webhooks.telling import Teller, Told

__all__ = ["PROVIDERS", "UNSIGNED", "Delivery", "Receiver", "Refused"]

_SIGNED: Mapping[str, ModuleType] = {"github": github, "gitlab": gitlab, "jira": jira, "linear": linear}
UNSIGNED = "cdevents"
"""They bear no signature: a token says whose they are."""
PROVIDERS = (*_SIGNED, UNSIGNED)
_DIGEST_BYTES = 16


class Delivery(NamedTuple):
    """What a delivery tells: events, and a reason for each that cannot be used. `marks` are what it is known by."""

    events: list[Told]
    marks: tuple[bytes, ...] = ()


class Receiver:
    """Takes deliveries of every provider, each once. Raises ConfigError where a secret cannot be read."""

    def __init__(self, settings: Webhooks, states: States, limits: Ingest) -> None:
        self._settings, self._states, self._limits = settings, states, limits
        self._seen = Seen(settings.replay_s, 2 * settings.max_deliveries)
        hooks: dict[str, Hook] = {name: getattr(settings, name) for name in _SIGNED}
        self._secrets = {name: _secrets(hook, f"webhooks.{name}.secret") for name, hook in hooks.items()}
        gitlab.check(self._secrets["gitlab"], "webhooks.gitlab.secret")
        self._tellers = {name: Teller(name, hook.tenant, settings, states) for name, hook in hooks.items()}

    @property
    def configured(self) -> list[str]:
        """Providers whose deliveries can be verified."""
        return [name for name, secrets in self._secrets.items() if secrets]

    def receive(self, provider: str, headers: Headers, body: bytes, now_s: float, tenant: str = "default") -> Delivery:
        """What a delivery tells, if it is what it claims to be. Raises Refused, with a status of HTTP.

        headers: by names in lower case; now_s: s UTC; tenant: that of the request's bearer token, for CDEvents, which
        bear no signature (others are of the tenant that is configured). A delivery is known only from `settled` on.
        """
        if provider == UNSIGNED:
            return Delivery(self._timely(_taken(cdevents.take, self._of(tenant), headers, body, now_s), now_s))
        module = _SIGNED.get(provider)
        if module is None:
            raise Refused(404, f"no such provider; there are {', '.join(PROVIDERS)}")
        secrets = self._secrets[provider]
        if not secrets:
            raise Refused(403, f"is not configured: set webhooks.{provider}.secret_file or webhooks.{provider}.secret")
        module.verify(secrets, headers, body, now_s)
        marks = _marks(provider, module.delivery(headers), body)
        if self._seen.knows(marks, now_s):
            raise stale("it came before")
        events = _taken(module.take, self._tellers[provider], headers, body, now_s)
        times = [seconds(event.time) for event in events if not isinstance(event, BadInput)]
        if times and max(times) < now_s - self._settings.replay_s:
            raise stale("it tells of what is older than webhooks.replay_s")
        return Delivery(self._timely(events, now_s), marks)

    def settled(self, delivery: Delivery, now_s: float) -> None:
        """Its events are where they cannot be lost: from now on the same delivery is a replay.

        Not before: a provider sends again what could not be taken.
        """
        self._seen.add(delivery.marks, now_s)

    def _timely(self, events: list[Told], now_s: float) -> list[Told]:
        """The events at times that ingest takes."""
        out: list[Told] = []
        for event in events:
            try:
                if not isinstance(event, BadInput):
                    event.time = taken_at(seconds(event.time), now_s, self._limits)
                out.append(event)
            except BadInput as bad:
                out.append(bad)
        return out

    def _of(self, tenant: str) -> Teller:
        """The teller of CDEvents of a tenant: tenants are those of tokens, and few."""
        key = f"cdevents {tenant}"
        if key not in self._tellers:
            self._tellers[key] = Teller("cdevents", tenant, self._settings, self._states)
        return self._tellers[key]


def _secrets(hook: Hook, key: str) -> list[str]:
    return [line for line in (reveal(hook.secret, hook.secret_file, key) or "").splitlines() if line]


def _marks(provider: str, id: str | None, body: bytes) -> tuple[bytes, ...]:
    """By the provider's id, and by the body: the id is not always signed, the body is."""
    said = [body] if id is None else [body, id.encode(errors="surrogatepass")]
    return tuple(
        blake2b(one, digest_size=_DIGEST_BYTES, person=f"{provider} {n}".encode()).digest()
        for n, one in enumerate(said)
    )


def _taken(
    take: Callable[[Teller, Headers, bytes, float], list[Told]],
    tell: Teller,
    headers: Headers,
    body: bytes,
    now_s: float,
) -> list[Told]:
    try:
        return take(tell, headers, body, now_s)
    except BadInput as bad:
        return [bad]
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as fault:
        return [refusal(fault)]
