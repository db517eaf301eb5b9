"""Which scope whoever asks has; whatever they send, it is what a grant says, or the default."""

import hmac
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.config import load_config
from detector.config.policy_file import PolicyFile, read_policy_file
from detector.enrich.pseudonyms import Pseudonyms
from detector.errors import ConfigError
from detector.policy.grants import Credentials, Policy, own, scope_of
from detector.policy.scope import NOTHING, TEAMS, Kind, Scope

pytestmark = pytest.mark.usefixtures("bare_environment")
TOKEN, ANOTHER = "3f9a" * 8, "77aa" * 8
HEADER = "X-Forwarded-User"
KEY = Pseudonyms(b"key")


def digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def policy(*grants: dict[str, Any], **told: Any) -> Policy:
    return Policy(PolicyFile.model_validate({"grant": list(grants)} | told), KEY)


BY_TOKEN = {"token_sha256": digest(TOKEN), "scope": "team", "team": "red", "tenant": "acme"}
BY_HEADER = {"header": HEADER, "value": "*@acme.example", "scope": "self", "tenant": "acme"}
RED = Scope(Kind.TEAM, "acme", "red", grant="grant[0]")


def asked_by(value: str, *more: tuple[str, str], peer: str | None = "127.0.0.1") -> Credentials:
    return Credentials.of([(HEADER, value), *more], peer)


def of_header(credentials: Credentials, **told: Any) -> Scope:
    return scope_of(policy(BY_HEADER, **{"trusted_proxies": ["127.0.0.1", "::1", "10.1.0.0/16"]} | told), credentials)


def test_without_a_policy_everybody_sees_teams_without_people() -> None:
    without = Policy.configured(load_config())
    for credentials in (Credentials(), Credentials(TOKEN), asked_by("mara@acme.example")):
        assert scope_of(without, credentials) == TEAMS


def test_a_token_has_its_scope_and_another_the_default() -> None:
    assert scope_of(policy(BY_TOKEN), Credentials(TOKEN)) == RED
    for token in (None, "", ANOTHER, TOKEN[:-1], TOKEN + " ", TOKEN.upper(), digest(TOKEN)):
        assert scope_of(policy(BY_TOKEN), Credentials(token)) == TEAMS
        assert scope_of(policy(BY_TOKEN, default="nothing"), Credentials(token)) == NOTHING


def test_of_a_request_it_is_the_bearer_token_of_its_one_authorization_header() -> None:
    for headers in ([("authorization", f"bearer {TOKEN}")], [("Authorization", f"Bearer   {TOKEN} ")]):
        assert scope_of(policy(BY_TOKEN), Credentials.of(headers, None)) == RED
    for value in (TOKEN, f"Basic {TOKEN}", "Bearer", f"Bearer\t{TOKEN}"):
        assert scope_of(policy(BY_TOKEN), Credentials.of([("Authorization", value)], None)) == TEAMS
    twice = [("Authorization", f"Bearer {TOKEN}"), ("authorization", f"Bearer {TOKEN}")]
    assert scope_of(policy(BY_TOKEN), Credentials.of(twice, None)) == TEAMS


def test_the_first_grant_that_fits_counts() -> None:
    tenant = {"token_sha256": digest(ANOTHER), "scope": "tenant", "tenant": "*", "who": True, "name": "officer"}
    both = policy(BY_TOKEN, tenant)
    assert scope_of(both, Credentials(ANOTHER)) == Scope(Kind.TENANT, who=True, grant="officer")
    header = {"header": HEADER, "value": "*", "scope": "tenant", "tenant": "acme"}
    one = policy(header, BY_TOKEN, trusted_proxies=["127.0.0.1"])
    credentials = Credentials.of([(HEADER, "mara"), ("Authorization", f"Bearer {TOKEN}")], "127.0.0.1")
    assert scope_of(one, credentials).kind is Kind.TENANT
    assert scope_of(one, credentials._replace(peer="10.0.0.1")).kind is Kind.TEAM


def test_tokens_are_compared_in_constant_time_and_all_of_them_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def spy(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr("detector.policy.grants.hmac.compare_digest", spy)
    grants = [{**BY_TOKEN, "token_sha256": digest(token)} for token in (TOKEN, ANOTHER, "x" * 20)]
    for token in (TOKEN, "x" * 20, "wrong", "w" * 4000):
        compared.clear()
        scope_of(policy(*grants), Credentials(token))
        assert compared == [(32, 32)] * 3


def test_a_token_in_a_file_is_read_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    by_file = {"token_file": str(file), "scope": "self", "pseudonyms": ["u-0123456789ab"]}
    scope = scope_of(policy(by_file), Credentials(TOKEN))
    assert (scope.kind, scope.tenant, scope.people) == (Kind.SELF, "default", {"u-0123456789ab"})
    file.write_text("short")
    with pytest.raises(ConfigError, match=r"grant\[0\]\.token_file: .*holds no token of 16") as caught:
        policy(by_file)
    assert "short" not in str(caught.value)
    file.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        policy(by_file)


def test_a_header_of_a_trusted_proxy_makes_ones_own_pseudonym() -> None:
    scope = of_header(asked_by("mara@acme.example"))
    assert (scope.kind, scope.tenant, scope.people) == (Kind.SELF, "acme", {KEY.of("acme", "mara@acme.example")})
    lower = Credentials.of([("x-forwarded-user", " mara@acme.example ")], "10.1.200.3")
    assert of_header(lower) == scope
    for peer in ("::1", "::ffff:127.0.0.1", "::ffff:10.1.0.9"):
        assert of_header(asked_by("mara@acme.example", peer=peer)) == scope


@pytest.mark.parametrize(
    "peer", [None, "", "10.2.0.1", "127.0.0.2", "::2", "::ffff:10.2.0.1", "localhost", "127.0.0.1:80", "127.1", "é"]
)
def test_a_header_of_anybody_else_says_nothing(peer: str | None) -> None:
    assert of_header(asked_by("mara@acme.example", peer=peer)) == TEAMS


@pytest.mark.parametrize(
    "value",
    ["", " ", "mara", "mara@acme.example.evil", "mara@acme.example\nX: y", "mara\0@acme.example", "\udc80@acme.example",
     "a" * 600 + "@acme.example", "a" * 100_000, "mara\u2028@acme.example"],
)  # fmt: skip
def test_a_header_that_does_not_fit_or_is_no_name_says_nothing(value: str) -> None:
    assert of_header(asked_by(value)) == TEAMS


def test_a_header_that_comes_twice_says_nothing() -> None:
    for other in (HEADER, HEADER.lower(), HEADER.upper()):
        assert of_header(asked_by("mara@acme.example", (other, "ann@acme.example"))) == TEAMS
        assert of_header(asked_by("mara@acme.example", (other, "mara@acme.example"))) == TEAMS


def test_who_took_anothers_pseudonym_for_a_name_does_not_become_them() -> None:
    any_name = {**BY_HEADER, "value": "*"}
    open_to_all = policy(any_name, trusted_proxies=["127.0.0.1"])
    assert scope_of(open_to_all, asked_by("u-0123456789ab")) == TEAMS
    assert scope_of(open_to_all, asked_by("u-0123456789abc")).people == {KEY.of("acme", "u-0123456789abc")}


texts = st.text(max_size=40) | st.text(st.characters(categories=["Cs", "Cc", "Lu", "Zs"]), max_size=20)
sizes = st.sampled_from([1, 200, 5000])


@given(
    st.lists(st.tuples(st.sampled_from([HEADER, "Authorization", "Cookie"]) | texts, texts), max_size=6), texts, sizes
)
def test_nothing_that_is_sent_raises_or_gives_more_than_a_grant(
    headers: list[tuple[str, str]], text: str, times: int
) -> None:
    made = policy(BY_TOKEN, BY_HEADER, trusted_proxies=["127.0.0.1"], default="nothing")
    for peer in ("127.0.0.1", text):
        for credentials in (Credentials.of(headers, peer), Credentials(text * times, headers, peer)):
            scope = scope_of(made, credentials)
            assert scope == NOTHING or (scope.kind is Kind.SELF and len(scope.people) == 1 and peer == "127.0.0.1")
            assert not scope.who


def test_the_token_of_a_command_is_of_the_configuration(tmp_path: Path) -> None:
    assert own(load_config()) == Credentials()
    assert own(load_config(policy={"token": TOKEN})) == Credentials(TOKEN)
    (tmp_path / "token").write_text(ANOTHER + "\n")
    assert own(load_config(policy={"token": TOKEN, "token_file": str(tmp_path / "token")})) == Credentials(ANOTHER)


SELF = {"scope": "self", "pseudonyms": ["u-0123456789ab"]}


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ("[[grant]]\nscope = 'tenant'", r"grant\[0\]: needs one of token_sha256, token_file and header"),
        (f"[[grant]]\nscope = 'tenant'\ntoken_sha256 = '{TOKEN}'", "64 hex digits in lower case, not the token"),
        (f"[[grant]]\nscope = 'tenant'\ntoken = '{TOKEN}'", "token: unknown key; did you mean .*token"),
        (f"[[grant]]\nscope = 'tenant'\ntoken_sha256 = '{digest('a')}'\nheader = 'X'\nvalue = '*'", "needs one of"),
        ("[[grant]]\nscope = 'tenant'\nheader = 'X'", "header and value belong together"),
        ("[[grant]]\nscope = 'tenant'\nheader = 'X'\nvalue = '*'", "needs trusted_proxies"),
        ("[[grant]]\nscope = 'tenant'\nheader = 'X Y'\nvalue = '*'", "letters, digits and hyphens"),
        ("[[grant]]\nscope = 'tenant'\nheader = 'authorization'\nvalue = '*'", "other than Authorization"),
        (f"[[grant]]\nscope = 'team'\ntoken_sha256 = '{digest('a')}'", "team names the team"),
        (f"[[grant]]\nscope = 'tenant'\nteam = 'x'\ntoken_sha256 = '{digest('a')}'", "team names the team"),
        (f"[[grant]]\nscope = 'self'\ntoken_sha256 = '{digest('a')}'", "pseudonyms says whose"),
        (f"[[grant]]\nscope = 'self'\npseudonyms = ['mara']\ntoken_sha256 = '{digest('a')}'", "12 hex digits"),
        (f"[[grant]]\nscope = 'team'\nteam = 'x'\ntenant = '*'\ntoken_sha256 = '{digest('a')}'", "the scope tenant"),
        (f"[[grant]]\nscope = 'team'\nteam = 'x'\nwho = true\ntoken_sha256 = '{digest('a')}'", "who is for the scope"),
        ("[[grant]]\nscope = 'tenant'\nwho = true\nheader = 'X'\nvalue = '*'", "with a token: .detector who"),
        ("trusted_proxies = ['10.0.0.1/8']", "an address or a network"),
        ("trusted_proxies = ['proxy.example']", "an address or a network"),
        ("default = 'team'", "default: "),
        (f"[[grant]]\nscope = 'tenant'\ntoken_sha256 = '{digest('a')}'\n" * 2, "the same token_sha256"),
        ("grants = []", "grants: unknown key; did you mean grant"),
        ("[[grant", "is not TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_policy_is_said_with_its_file_and_without_its_secrets(
    told: str, fault: str, tmp_path: Path
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(told)
    with pytest.raises(ConfigError, match=fault) as caught:
        read_policy_file(file)
    assert str(file) in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert "mara" not in str(caught.value)


def test_a_policy_that_is_not_there_is_named_with_its_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file; see policy\.file"):
        Policy.configured(load_config(policy={"file": str(tmp_path / "policy.toml")}))
