"""Links to an episode's page, trace and silence say what they are of, whatever its names are."""

from urllib.parse import parse_qs, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from detector.links import board_url, filled, incident_url, silence_url


def test_an_incident_has_one_address_whether_or_not_the_base_ends_in_a_slash():
    assert incident_url("https://d.example", "0a1b") == "https://d.example/incidents/0a1b"
    assert incident_url("https://d.example/", "0a1b") == "https://d.example/incidents/0a1b"


def test_a_pattern_is_filled_and_its_values_are_quoted():
    assert filled("https://t.example/?q={run}&u={until_ms}", {"run": "r 1&x=2", "until_ms": "5"}) == (
        "https://t.example/?q=r%201%26x%3D2&u=5"
    )


def test_a_pattern_that_names_what_is_not_known_gives_no_link():
    assert filled("https://t.example/{task}", {"task": None}) is None
    assert filled("https://t.example/{task}", {}) is None


@given(st.text())
def test_a_silence_is_filled_in_with_the_labels_as_they_are(value: str):
    url = silence_url("http://a.example:9093/", {"episode": "e1", "agent": value})
    fragment = urlsplit(url).fragment
    told = parse_qs(urlsplit(fragment).query, strict_parsing=True)["filter"][0]
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    assert told == f'{{episode="e1",agent="{escaped}"}}'


def test_a_board_is_that_of_the_team_else_of_the_fleet() -> None:
    told = board_url("https://grafana.example/", "acme & co", "a/b")
    assert told == "https://grafana.example/d/detector-team?var-tenant=acme%20%26%20co&var-team=a%2Fb"
    assert board_url("https://grafana.example", "acme", None) == (
        "https://grafana.example/d/detector-fleet?var-tenant=acme"
    )
