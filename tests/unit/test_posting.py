"""Sending an event to a gateway: what is sent, where a token goes, and how a failure is told."""

import socket

import pytest

from detector.errors import ConfigError, DeploymentError
from detector.posting import post
from tests.support.listener import listening

TOKEN = "s3cr3t-of-this-test"


def test_the_event_is_posted_with_its_token() -> None:
    with listening() as gateway:
        post(gateway.address, TOKEN, b'{"type":"link"}', 5.0)
        ((path, headers, body),) = gateway.posted
    assert (path, body, headers["content-type"]) == ("/v1/events", b'{"type":"link"}', "application/json")
    assert headers["authorization"] == f"Bearer {TOKEN}"


def test_without_a_token_none_is_sent_and_a_path_before_is_kept() -> None:
    with listening() as gateway:
        post(gateway.address + "/detector/", None, b"{}", 5.0)
        ((path, headers, _),) = gateway.posted
    assert (path, "authorization" in headers) == ("/detector/v1/events", False)


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, b'{"message":"no"}', "answers 401; see push.token"),
        (400, b'{"message":"time: is missing"}', "answers 400: time: is missing"),
        (429, b"", "answers 429"),
        (503, b'{"message":"\\u001b[2J"}', "answers 503"),
        (500, b"[" * 60_000, "answers 500"),
        (404, b'{"message":5}', "answers 404"),
    ],
)
def test_any_other_answer_is_a_failure_that_says_which(status: int, body: bytes, says: str) -> None:
    with listening() as gateway:
        gateway.answer = (status, {}, body)
        with pytest.raises(DeploymentError) as caught:
            post(gateway.address, TOKEN, b"{}", 5.0)
    assert str(caught.value) == f"the gateway at {gateway.address} {says}"


def test_a_redirection_is_not_followed() -> None:
    with listening() as gateway, listening() as other:
        gateway.answer = (307, {"Location": other.address + "/v1/events"}, b"")
        with pytest.raises(DeploymentError, match="answers 307"):
            post(gateway.address, TOKEN, b"{}", 5.0)
        assert other.posted == []


@pytest.mark.parametrize("address", ["http://gateway.example", "http://10.0.0.1:4318", "http://localhost.example"])
def test_a_token_goes_to_no_other_machine_in_the_clear(address: str) -> None:
    with pytest.raises(ConfigError, match=r"push\.token: .* over https only"):
        post(address, TOKEN, b"{}", 5.0)


def test_nobody_there_or_nobody_who_speaks_http_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(DeploymentError, match="TimeoutError"):
            post(f"http://127.0.0.1:{port}", TOKEN, b"{}", 0.05)
        with pytest.raises(DeploymentError, match="does not answer"):
            post(f"https://127.0.0.1:{port}", TOKEN, b"{}", 0.05)
    with pytest.raises(DeploymentError, match="ConnectionRefusedError"):
        post(f"http://127.0.0.1:{port}", TOKEN, b"{}", 5.0)


def test_an_address_of_ipv6_is_one() -> None:
    with pytest.raises(DeploymentError, match=r"\[::1\]:1 does not answer \((ConnectionRefused|OS)Error\)"):
        post("http://[::1]:1", TOKEN, b"{}", 5.0)


def test_a_token_that_is_no_header_is_not_repeated() -> None:
    with listening() as gateway, pytest.raises(DeploymentError) as caught:
        post(gateway.address, f"{TOKEN}\r\nX: y", b"{}", 5.0)
    assert TOKEN not in str(caught.value)
    assert caught.value.__cause__ is None
    assert gateway.posted == []
