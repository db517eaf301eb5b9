"""Secrets are used and never shown: not by the configuration, nor by any fault of it, nor in a dump of a crash."""

import io
import json
import logging
import os
import string
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from detector.config import Config, load_config
from detector.config.keys import field_at, is_secret, leaves
from detector.config.load import variable
from detector.config.model import overlay
from detector.config.toml import to_toml
from detector.errors import ConfigError
from detector.kafka import clients
from detector.secret import reveal

SECRET = "hunter2-hunter2"
SECRET_KEYS = [path for path in leaves() if (info := field_at(path)) is not None and is_secret(info)]
PLAIN_KEYS = [path for path in leaves() if path not in SECRET_KEYS]
pytestmark = pytest.mark.usefixtures("bare_environment")

secrets = st.text(string.ascii_letters + string.digits + "/+=!\"'\\ äß€", max_size=24).map("s3cr3t-{}-t3rc3s".format)
odd = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.lists(st.integers()))


def shown(text: str, secret: str) -> bool:
    """Whether a text shows a secret, or half of it, plain or as some program writes strings."""
    half = len(secret) // 2
    parts = (secret, secret[:half], secret[half:])
    return any(form in text for p in parts for form in (p, repr(p)[1:-1], json.dumps(p)[1:-1]))


def crash(inner: Callable[[], Any]) -> str:
    """What a dump tells of what a function raised, with its locals, as test runners and crash reporters print them."""
    try:
        inner()
    except Exception as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    return ""


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    return {path[0]: nested(path[1:], value) if len(path) > 1 else value}


def sections(config: BaseModel) -> Iterator[BaseModel]:
    yield config
    for value in vars(config).values():
        if isinstance(value, BaseModel):
            yield from sections(value)


def test_the_keys_that_are_secret_are_these() -> None:
    assert {".".join(path) for path in SECRET_KEYS} == {
        "kafka.sasl_password",
        "notify.bearer_token",
        "privacy.pseudonym_key",
        "policy.token",
        "push.token",
        "stop.secret",
        "gateway.tokens",
        *(f"webhooks.{provider}.secret" for provider in ("github", "gitlab", "jira", "linear")),
    }
    words = ("password", "secret", "token", "_key")
    assert not [p for p in PLAIN_KEYS if p[-1].endswith(words)], "a key with such a name has to be a SecretStr"


@settings(max_examples=60, deadline=None)
@given(secrets)
def test_a_configuration_shows_no_secret(secret: str) -> None:
    given: dict[str, Any] = {}
    for path in SECRET_KEYS:
        overlay(given, nested(path, secret))
    config = load_config(**given)
    for path in SECRET_KEYS:
        held: Any = config
        for key in path:
            held = getattr(held, key)
        assert held.get_secret_value() == secret
    texts = [show(each) for each in sections(config) for show in (repr, str, lambda c: c.model_dump_json())]
    texts += [to_toml(config), str(config.plain()), config.digest(), f"{config!r:}", str(vars(config))]
    stream = io.StringIO()
    logging.StreamHandler(stream).emit(logging.makeLogRecord({"msg": "%s %r", "args": (config, config.kafka)}))
    assert not [text for text in [*texts, stream.getvalue()] if shown(text, secret)]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_fault_shows_a_secret_whatever_else_is_wrong(data: st.DataObject) -> None:
    secret = data.draw(secrets)
    kinds: list[Any] = [secret, [secret], {"value": secret}, {secret: 1}, 5, None]
    given = nested(data.draw(st.sampled_from(SECRET_KEYS)), data.draw(st.sampled_from(kinds[:3])))
    path = data.draw(st.sampled_from(PLAIN_KEYS))
    wrong = data.draw(st.one_of(odd, st.just(f"http://user:{secret}@host"), st.just([f"http://u:{secret}@h", secret])))
    given |= nested(path, wrong) if path[0] not in given else {}
    given |= {data.draw(st.sampled_from(["kafak", "Kafka", "x"])): {"sasl_password": secret}}
    with pytest.raises(ConfigError) as caught:
        load_config(**given)
    told = "".join(traceback.format_exception(caught.value))
    assert "unknown key" in told
    assert not shown(told, secret)


@settings(max_examples=60, deadline=None)
@given(secrets, st.sampled_from(SECRET_KEYS), st.sampled_from(PLAIN_KEYS), odd)
def test_no_fault_of_variables_shows_one(
    secret: str, path: tuple[str, ...], other: tuple[str, ...], value: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("DETECTOR_")]:
            patch.delenv(name)
        patch.setenv(variable(path), secret)
        patch.setenv(variable(path) + "S", secret)
        patch.setenv(variable(other), str(value).replace("\0", "") or "x")
        with pytest.raises(ConfigError) as caught:
            load_config()
        assert not shown("".join(traceback.format_exception(caught.value)), secret)


def test_a_crash_with_the_configuration_at_hand_shows_none() -> None:
    config = load_config(
        kafka={"sasl_password": SECRET}, privacy={"pseudonym_key": SECRET}, notify={"bearer_token": SECRET}
    )

    def fails(config: Config = config) -> None:
        kafka, token = config.kafka, config.notify.bearer_token  # locals of a dump
        raise ValueError(f"{kafka} {token}")

    told = crash(fails)
    assert "**********" in told
    assert SECRET not in told


@pytest.mark.parametrize("content", [b"", SECRET.encode() + b"\xff", None])
def test_a_file_that_cannot_be_used_is_named_without_its_content(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "secret"
    file.mkdir() if content is None else file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"privacy\.pseudonym_key_file: .*secret") as caught:
        reveal(SecretStr(SECRET), file, "privacy.pseudonym_key")
    error: BaseException | None = caught.value
    assert SECRET not in "".join(traceback.format_exception(error))
    assert error is not None
    assert error.__cause__ is None


def test_what_kafka_clients_are_made_of_shows_none() -> None:
    login = {"security_protocol": "SASL_PLAINTEXT", "sasl_username": "ann", "sasl_password": SECRET}
    config = load_config(kafka=login)
    told = repr(clients.faust_settings(config))
    assert "ann" in told
    assert SECRET not in told
