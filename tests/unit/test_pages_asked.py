"""The pages over HTTP: their headers, what each request may see, and what is answered to what cannot be asked for."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from detector.config import Config, Web
from detector.policy.grants import Policy
from detector.web.pages.routes import CONTENT_POLICY
from detector.web.reach import is_meant
from tests.support.shown import NOW, Shown, bloat, served, spike

TOKEN = "a-token-that-nobody-guesses"
STYLE_PATH = "/pages.css"


async def get(
    source: Shown, path: str, policy: Policy | None = None, config: Config | None = None, **headers: str
) -> tuple[int, dict[str, str], str]:
    async with (
        served(source, policy, config) as base,
        ClientSession() as client,
        client.get(base + path, headers=headers) as answer,
    ):
        return answer.status, dict(answer.headers), await answer.text()


def policy_of(tmp_path: Path, text: str) -> Policy:
    file = tmp_path / "policy.toml"
    file.write_text(text, encoding="utf-8")
    return Policy.configured(Config.model_validate({"policy": {"file": file}}))


@pytest.mark.parametrize(
    "path", ["/", "/incidents", "/incidents/b10a7", "/incidents/b10a7.json", "/incidents/none", "/tasks"]
)
async def test_every_answer_forbids_scripts_frames_and_copies(path: str) -> None:
    _, headers, _ = await get(Shown([bloat()]), path)
    assert headers["Content-Security-Policy"] == CONTENT_POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Vary"] == "*"


async def test_the_style_may_be_kept_and_its_address_is_of_what_it_holds() -> None:
    _, _, html = await get(Shown([]), "/")
    status, headers, text = await get(Shown([]), STYLE_PATH)
    assert (status, headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert headers["Cache-Control"] == "public, max-age=86400"
    assert "url(" not in text
    assert f'href="{STYLE_PATH[1:]}?v=' in html
    assert (await get(Shown([]), "/pages.svg"))[1]["Content-Type"] == "image/svg+xml; charset=utf-8"


async def test_what_is_not_there_and_what_may_not_be_seen_are_answered_alike(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, 'default = "nothing"\n')
    there = await get(Shown([bloat()]), "/incidents/b10a7", policy)
    missing = await get(Shown([]), "/incidents/b10a7", policy)
    assert there[0] == missing[0] == 404
    assert there[2] == missing[2]
    assert "No such incident" in there[2]
    assert (await get(Shown([bloat()]), "/incidents/b10a7.json", policy))[0] == 404


async def test_each_request_sees_what_its_token_grants(tmp_path: Path) -> None:
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    policy = policy_of(
        tmp_path,
        f'default = "nothing"\n[[grant]]\ntoken_sha256 = "{digest}"\nscope = "team"\ntenant = "default"\n'
        'team = "search"\n',
    )
    source = Shown([spike(), bloat()])
    seen = (await get(source, "/", policy, Authorization=f"Bearer {TOKEN}"))[2]
    assert bloat().summary in seen
    assert spike().summary not in seen
    unseen = (await get(source, "/", policy))[2]
    assert bloat().summary not in unseen
    assert "You see nothing" in unseen


async def test_people_are_not_named_by_default() -> None:
    source = Shown([bloat(user="u-0123456789ab", agent="u-ba9876543210")])
    for path in ("/", "/incidents", "/incidents/b10a7", "/incidents/b10a7.json"):
        text = (await get(source, path))[2]
        assert "u-0123456789ab" not in text
        assert "u-ba9876543210" not in text


async def test_an_incident_is_downloaded_as_it_may_be_seen() -> None:
    config = Config(web=Web(public_url="https://ops.example/d", grafana_url="https://grafana.example"))
    source = Shown([bloat(severity="critical")], stop={"status": "sent"})
    status, headers, text = await get(source, "/incidents/b10a7.json", config=config)
    told: dict[str, Any] = json.loads(text)
    assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert headers["Content-Disposition"] == 'attachment; filename="incident-b10a7.json"'
    assert told["alert"]["evidence"]["input_tokens"] == 180_000
    assert told["stop"] == {"status": "sent"}
    assert told["written_s"] == NOW
    assert told["links"]["incident"] == "https://ops.example/d/incidents/b10a7"
    assert told["links"]["board"] == "https://grafana.example/d/detector-team?var-tenant=default&var-team=search"
    assert told["links"]["trace"] is None


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/incidents?open=maybe", "open has to be 1 (only what is open) or 0"),
        ("/incidents?severity=loud", "severity has to be one of info, warning, critical"),
        ("/incidents?rule=x", "rule has to be one of loop, "),
        ("/incidents?team=" + "x" * 513, "team is longer than 512 characters"),
        ("/incidents?user=mara", "&#x27;user&#x27; cannot be asked for"),
        ("/incidents?open=1&open=0", "open is there twice"),
        ("/tasks?team=" + "x" * 513, "team is longer than 512 characters"),
        ("/tasks?agent=mara", "&#x27;agent&#x27; cannot be asked for; what can is tenant, team"),
        ("/tasks?team=a&team=b", "team is there twice"),
        ("/?refresh=1", "refresh has to be a number of seconds from 10 to 3600"),
        ("/?refresh=٣٠", "refresh has to be a number"),
        ("/?%3Cscript%3E=1", "&lt;script&gt;"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_in_a_sentence(path: str, says: str) -> None:
    status, headers, text = await get(Shown([]), path)
    assert status == 400
    assert says in text
    assert headers["Content-Security-Policy"] == CONTENT_POLICY


async def test_fields_that_a_form_leaves_empty_ask_for_nothing() -> None:
    assert (await get(Shown([bloat()]), "/incidents?severity=&rule=&team=&open="))[0] == 200


async def test_pages_are_reached_below_any_path_since_their_links_are_relative() -> None:
    for path in ("/", "/incidents", "/incidents/b10a7", "/tasks"):
        html = (await get(Shown([bloat()]), path))[2]
        assert 'href="/' not in html
        assert 'action="/' not in html


async def test_a_name_that_was_made_to_lead_to_loopback_is_not_served() -> None:
    status, _, text = await get(Shown([bloat()]), "/", Host="evil.example:9464")
    assert status == 421
    assert bloat().summary not in text
    assert (await get(Shown([]), "/", Host="localhost:9464"))[0] == 200


@pytest.mark.parametrize(
    ("host", "listens", "public", "meant"),
    [
        ("127.0.0.1:9464", "127.0.0.1", None, True),
        ("[::1]:9464", "127.0.0.1", None, True),
        ("localhost", "127.0.0.1", None, True),
        ("ops.example", "127.0.0.1", "https://ops.example/d", True),
        ("evil.example", "127.0.0.1", "https://ops.example", False),
        ("", "127.0.0.1", None, False),
        ("[", "127.0.0.1", None, False),
        ("detector.svc", "0.0.0.0", None, True),
    ],
)
def test_under_which_names_pages_are_served(host: str, listens: str, public: str | None, meant: bool) -> None:
    assert is_meant(host, Web(host=listens, public_url=public)) is meant
