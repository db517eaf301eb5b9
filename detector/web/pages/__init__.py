"""Pages for people: an incident as JSON."""

from aiohttp import web

from detector.clock import Clock
from detector.config import Config
from detector.incidents.told import incident_json
from detector.incidents.view import Source
from detector.policy.grants import Credentials, Policy, scope_of


def routes(source: Source, policy: Policy, config: Config, clock: Clock) -> list[web.RouteDef]:
    """What is served of `source`, to whom the policy lets see it."""

    async def download(request: web.Request) -> web.Response:
        scope = scope_of(policy, Credentials.of(request.headers.items(), request.remote))
        incident = source.incident(scope, request.match_info["id"])
        if incident is None:
            raise web.HTTPNotFound(text="there is no such incident, or it is not yours to see\n")
        return web.Response(body=incident_json(incident), content_type="application/json", charset="utf-8")

    return [web.get("/incidents/{id}.json", download)]
