"""The addresses of the pages, what each request may see of them, and the headers of every answer."""

import re
from collections.abc import Awaitable, Callable
from html import escape

from aiohttp import web

from detector.clock import Clock
from detector.config import Config
from detector.errors import DetectorError
from detector.incidents.tasks_read import TaskSource
from detector.incidents.view import Incident, Source, Wanted
from detector.policy.grants import Credentials, Policy, scope_of
from detector.policy.scope import Kind, Scope
from detector.web.pages import incident, listing, overview, tasks
from detector.web.pages.asked import Unclear, asked_of, refresh_of, team_of
from detector.web.pages.frame import ICON, document
from detector.web.pages.onward import onward
from detector.web.pages.style import SHEET
from detector.web.reach import is_meant

CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_OF_WHOEVER_ASKS = {"Cache-Control": "no-store", "Vary": "*"}
"""What a scope may see depends on headers and on the address that asks: it is nobody else's to be kept."""
_FOR_A_DAY = {"Cache-Control": "public, max-age=86400"}
"""The address of the style changes with it."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes(source: Source, open_tasks: TaskSource, policy: Policy, config: Config, clock: Clock) -> list[web.RouteDef]:
    """The pages over what `source` and `open_tasks` know; `clock` tells the present in s UTC."""
    pages = _Pages(source, open_tasks, policy, config, clock)
    return [
        web.get("/", pages.guarded(pages.overview)),
        web.get("/incidents", pages.guarded(pages.incidents)),
        web.get("/incidents/{id:[^/]+}.json", pages.guarded(pages.record)),
        web.get("/incidents/{id:[^/]+}", pages.guarded(pages.incident)),
        web.get("/tasks", pages.guarded(pages.tasks)),
        web.get("/pages.css", _sheet),
        web.get("/pages.svg", _icon),
    ]


class _Pages:
    def __init__(self, source: Source, open_tasks: TaskSource, policy: Policy, config: Config, clock: Clock) -> None:
        self._source, self._open_tasks = source, open_tasks
        self._policy, self._web, self._clock = policy, config.web, clock

    def guarded(self, handler: Callable[[web.Request, Scope], Awaitable[web.Response]]) -> Handler:
        """The handler with the scope of the request; what cannot be answered becomes a page that says why."""

        async def answered(request: web.Request) -> web.Response:
            scope = scope_of(self._policy, Credentials.of(request.headers.items(), request.remote))
            up = incident.UP if request.path.startswith("/incidents/") else ""
            if not is_meant(request.headers.get("Host", ""), self._web):
                why = "This address is not one of the detector's. If it should be, set web.public_url to it."
                return _apology(421, "Not served under this name", why, up, scope)
            try:
                return await handler(request, scope)
            except Unclear as unclear:
                return _apology(400, "That cannot be asked for", f"{unclear}.", up, scope)

        return answered

    async def overview(self, request: web.Request, scope: Scope) -> web.Response:
        refresh_s = refresh_of(request.query)
        return _page(overview.page(self._source.overview(scope), scope, refresh_s))

    async def incidents(self, request: web.Request, scope: Scope) -> web.Response:
        asked = asked_of(request.query)
        found, choices = self._source.incidents(scope, asked), self._source.choices(scope)
        return _page(listing.page(found, choices, asked, scope, self._clock()))

    async def incident(self, request: web.Request, scope: Scope) -> web.Response:
        told = self._source.incident(scope, request.match_info["id"])
        if told is None:
            return self._missing(scope)
        others = self._source.related(scope, told.alert.id)
        return _page(incident.page(told, others, onward(self._web, told.alert), scope, self._clock()))

    async def record(self, request: web.Request, scope: Scope) -> web.Response:
        told = self._source.incident(scope, request.match_info["id"])
        return self._missing(scope) if told is None else self._download(told)

    async def tasks(self, request: web.Request, scope: Scope) -> web.Response:
        tenant, team = team_of(request.query)
        if scope.kind in (Kind.NOTHING, Kind.SELF):  # nothing is read for whoever may see none of it
            return _page(tasks.without_team(scope))
        try:
            told = await self._open_tasks.newest()
        except DetectorError as error:
            return _apology(503, "The open tasks cannot be read now", f"{error}.", "", scope)
        running = self._source.incidents(scope, Wanted(open=True))
        return _page(tasks.page(told, running, tenant, team, scope))

    def _download(self, told: Incident) -> web.Response:
        plain = re.sub(r"[^0-9A-Za-z-]", "", told.alert.id)
        kept = {"Content-Disposition": f'attachment; filename="incident-{plain}.json"'}
        body = incident.record(told, onward(self._web, told.alert))
        headers = {**_HEADERS, **_OF_WHOEVER_ASKS, **kept}
        return web.Response(body=body, content_type="application/json", charset="utf-8", headers=headers)

    def _missing(self, scope: Scope) -> web.Response:
        why = "It is not known any more, was never told, or is not yours to see; which of these is not said."
        return _apology(404, "No such incident", why, incident.UP, scope)


def _apology(status: int, heading: str, why: str, up: str, scope: Scope) -> web.Response:
    body = [f"<h1>{escape(heading)}</h1>", f'<p class="lead">{escape(why)}</p>']
    return _page(document(f"{heading} · detector", "none", up, body, scope), status)


def _page(html: str, status: int = 200) -> web.Response:
    headers = {**_HEADERS, **_OF_WHOEVER_ASKS}
    return web.Response(text=html, status=status, content_type="text/html", charset="utf-8", headers=headers)


async def _sheet(_: web.Request) -> web.Response:
    return web.Response(text=SHEET, content_type="text/css", charset="utf-8", headers={**_HEADERS, **_FOR_A_DAY})


async def _icon(_: web.Request) -> web.Response:
    return web.Response(text=ICON, content_type="image/svg+xml", charset="utf-8", headers={**_HEADERS, **_FOR_A_DAY})
