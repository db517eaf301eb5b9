"""The gateway's HTTP server: takes a body, answers when Kafka has what is in it."""

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from urllib.parse import urlsplit

from aiohttp import web

from detector import webhooks
from detector.clock import Clock
from detector.config import Config
from detector.config.gateway import Gateway
from detector.errors import ConfigError
from detector.gateway import answers
from detector.gateway.answers import JSON, METRICS_PATH, PROTOBUF, Answer, wrong
from detector.gateway.bodies import Refused, read
from detector.gateway.room import Full, Held, Room
from detector.gateway.taking import FORMATS, Taken, Taker
from detector.gateway.tokens import Tokens
from detector.gateway.writer import Writer
from detector.loopback import is_loopback
from detector.metrics import Metrics
from detector.secret import reveal
from detector.tls import load_pair
from detector.web.listening import Listening
from detector.webhooks import PROVIDERS, UNSIGNED, Receiver

SHUTDOWN_S = 3.5
LARGE_BYTES = 65_536
"""A larger body is read in a thread, so that the others go on."""
LARGE_AT_ONCE = 2
"""What is made of a body takes many times its size for as long, and threads make it no faster."""
WEBHOOKS = "/webhooks/"
PATHS = (*FORMATS, METRICS_PATH, *(f"{WEBHOOKS}{provider}" for provider in PROVIDERS))


class Server:
    """Listens on `gateway.host` and `gateway.port`; raises ConfigError where tokens or certificates cannot be read."""

    def __init__(self, config: Config, metrics: Metrics, clock: Clock, writer: Writer) -> None:
        self._config, self._settings = config, config.gateway
        self._metrics, self._clock, self._writer = metrics, clock, writer
        settings = config.gateway
        self._tokens = Tokens(reveal(settings.tokens, settings.tokens_file, "gateway.tokens"))
        if not (self._tokens or settings.is_local or settings.anonymous):
            raise ConfigError(
                f"gateway.host: others than this machine reach {settings.host}; "
                "set gateway.tokens_file, or gateway.anonymous = true"
            )
        self._taker = Taker(config)
        self._receiver = Receiver(config.webhooks, config.statuses.states, config.ingest)
        self._room = Room(settings.max_in_hand_bytes, settings.max_requests, metrics.gateway_in_hand_bytes.set)
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self._stopping = False
        self._listening = Listening("gateway", settings.host, settings.port, SHUTDOWN_S, _tls(settings))

    @property
    def address(self) -> str:
        """The base address, http://127.0.0.1:4318; known once it is started."""
        return self._listening.address

    async def start(self) -> None:
        """Listens; raises DeploymentError where the address is not to be had."""
        app = web.Application()
        app.add_routes([web.post("/{path:.*}", self._serve), web.get("/", self._hint)])
        await self._listening.start(app, auto_decompress=False)

    async def stop(self) -> None:
        """Takes no more, answers what is in hand within SHUTDOWN_S, and closes; may be called again."""
        self._stopping = True
        await self._listening.stop()

    async def _hint(self, _: web.Request) -> web.Response:
        return web.json_response({"message": "the detector's gateway; events are posted", "paths": PATHS})

    async def _serve(self, request: web.Request) -> web.Response:
        began_s = time.monotonic()
        path = request.path.rstrip("/") or "/"
        kind = PROTOBUF if "protobuf" in request.content_type else JSON
        try:
            answer = await self._receive(request, path, kind)
        except Refused as no:
            answer = wrong(path, kind, no.status, no.why)
        except webhooks.Refused as no:
            answer = wrong(path, kind, no.status, f"the delivery {no.reason}")
        except Full:
            answer = wrong(path, kind, 429, "too much is in hand; come again")
        self._metrics.gateway_requests.labels(path if path in PATHS else "other", str(answer.status)).inc()
        self._metrics.gateway_seconds.observe(time.monotonic() - began_s)
        response = web.Response(
            status=answer.status, body=answer.body, headers={"Content-Type": answer.type, **answer.headers}
        )
        if self._stopping:
            response.force_close()  # it says so: else the client sends its next request into a closed connection
        return response

    async def _receive(self, request: web.Request, path: str, kind: str) -> Answer:
        if path not in PATHS:
            raise Refused(404, f"nothing is posted here; try one of {', '.join(PATHS)}")
        provider = path.removeprefix(WEBHOOKS) if path.startswith(WEBHOOKS) else None
        tenant = self._tenant(request) if provider is None or provider == UNSIGNED else None
        with self._room.enter() as held:
            body = await read(request, held, self._settings)
            if path == METRICS_PATH:  # clients that are given one endpoint send them too: they hold no calls
                return answers.taken(path, kind, 0, ())
            told = {name.lower(): value for name, value in request.headers.items()}
            if provider is not None:
                return await self._receive_delivery(held, path, provider, body, told, tenant)
            headers = [(name, value.encode(errors="surrogateescape")) for name, value in told.items()]
            take = partial(self._taker.take, path, kind, body, headers, tenant, self._clock())
            if len(body) <= LARGE_BYTES:
                return await self._deliver(held, take())
            async with self._large:
                taken = await asyncio.to_thread(take)
            return await self._deliver(held, taken)

    async def _receive_delivery(
        self, held: Held, path: str, provider: str, body: bytes, headers: Mapping[str, str], tenant: str | None
    ) -> Answer:
        """Of a webhook, which is known once Kafka has what it tells. Raises Refused of either kind."""
        now_s = self._clock()
        delivery = self._receiver.receive(provider, headers, body, now_s, tenant or "default")
        answer = await self._deliver(held, self._taker.made(path, JSON, body, delivery.events, None, now_s))
        self._receiver.settled(delivery, now_s)
        return answer

    def _tenant(self, request: web.Request) -> str | None:
        """Whose events these are, None where they say so themselves. Raises Refused."""
        if self._tokens:
            tenant = self._tokens.tenant(request.headers.get("Authorization"))
            if tenant is None:
                raise Refused(401, "the header Authorization has to be: Bearer TOKEN, with one of gateway.tokens")
            return tenant
        if self._settings.is_local and _of_a_page(request):
            raise Refused(403, "it comes from a page in a browser; without gateway.tokens programs alone may send")
        return None

    async def _deliver(self, held: Held, taken: Taken) -> Answer:
        """The answer, once Kafka has it. Raises Refused."""
        for reason, count in Counter(bad.reason for bad in taken.refused).items():
            self._metrics.gateway_refused.labels(str(reason)).inc(count)
        if not taken.records:
            return taken.answer
        done = self._writer.put(taken.records)
        held.keep()
        done.add_done_callback(lambda _: held.leave())
        await asyncio.wait([done], timeout=self._settings.answer_s)
        if not done.done() or done.exception() is not None:
            raise Refused(503, "Kafka has not acknowledged it; send it again: what comes twice is counted once")
        return taken.answer


def _of_a_page(request: web.Request) -> bool:
    """Whether a web page sends it, which says its origin, or has found this machine by a name of its own."""
    with suppress(ValueError):
        return "Origin" in request.headers or not is_loopback(urlsplit(f"//{request.host}").hostname or "")
    return True


def _tls(settings: Gateway) -> ssl.SSLContext | None:
    """A context with the gateway's certificate, None where it speaks plain HTTP; raises ConfigError."""
    if settings.certfile is None and settings.keyfile is None:
        return None
    if settings.certfile is None or settings.keyfile is None:
        raise ConfigError("gateway.certfile and gateway.keyfile belong together; set both or neither")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    load_pair(context, "gateway.", settings.certfile, settings.keyfile)
    return context
