"""Kafka clients from the configuration: addresses, TLS, SASL, secrets from value or file, safe defaults."""

import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from detector.config import Config, Kafka
from detector.errors import ConfigError
from detector.kafka import clients
from detector.secret import reveal


def config(**kafka: Any) -> Config:
    return Config(kafka=Kafka(**kafka))


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with ca.pem (self-signed), key.pem and locked.pem (its encrypted form)."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on PATH")
    made = tmp_path_factory.mktemp("pem")

    def openssl(*args: str) -> None:
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=made)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "ca.pem",
            "-subj", "/CN=broker.test", "-days", "2")  # fmt: skip
    openssl("rsa", "-aes256", "-in", "key.pem", "-out", "locked.pem", "-passout", "pass:knock")
    return made


def test_several_addresses_are_split_and_trimmed() -> None:
    assert clients.addresses(Kafka(bootstrap="a:9092, b.example:9093 ,[::1]:9094")) == [
        "a:9092",
        "b.example:9093",
        "[::1]:9094",
    ]


@pytest.mark.parametrize("wrong", ["broker", "broker:", ":9092", "broker:port", "broker:0", "broker:70000"])
def test_an_address_without_host_or_port_is_named(wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"kafka\.bootstrap.*host:port"):
        clients.addresses(Kafka(bootstrap=f"good:9092,{wrong}"))


def test_no_address_at_all_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"kafka\.bootstrap is empty"):
        clients.addresses(Kafka(bootstrap=" , "))


def test_plaintext_needs_nothing_but_addresses() -> None:
    assert clients.connection(Kafka(bootstrap="a:1")) == {
        "bootstrap_servers": ["a:1"],
        "security_protocol": "PLAINTEXT",
        "ssl_context": None,
    }


def test_sasl_takes_the_password_from_the_value() -> None:
    kafka = Kafka(
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-256",
        sasl_username="detector",
        sasl_password=SecretStr("s3cret"),
    )
    settings = clients.connection(kafka)
    assert settings["sasl_mechanism"] == "SCRAM-SHA-256"
    assert (settings["sasl_plain_username"], settings["sasl_plain_password"]) == ("detector", "s3cret")


def test_sasl_takes_the_password_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from file\n")
    kafka = Kafka(
        security_protocol="SASL_PLAINTEXT",
        sasl_username="detector",
        sasl_password=SecretStr("not this"),
        sasl_password_file=tmp_path / "password",
    )
    assert clients.login(kafka) == ("detector", "from file")


def test_sasl_without_a_username_says_how_to_set_it() -> None:
    with pytest.raises(ConfigError, match="DETECTOR_KAFKA__SASL_USERNAME"):
        clients.connection(Kafka(security_protocol="SASL_SSL"))


def test_sasl_without_a_password_says_how_to_set_it() -> None:
    with pytest.raises(ConfigError, match="DETECTOR_KAFKA__SASL_PASSWORD"):
        clients.connection(Kafka(security_protocol="SASL_PLAINTEXT", sasl_username="detector"))


def test_a_secret_file_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"kafka\.sasl_password_file: .*absent cannot be read"):
        reveal(None, tmp_path / "absent", "kafka.sasl_password")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ConfigError, match=r"kafka\.sasl_password_file: .*is empty"):
        reveal(None, tmp_path / "empty", "kafka.sasl_password")


def test_a_secret_that_is_not_set_is_none() -> None:
    assert reveal(None, None, "privacy.pseudonym_key") is None


def test_tls_verifies_the_name_of_the_broker() -> None:
    context = clients.tls(Kafka(security_protocol="SSL"))
    assert context is not None
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_tls_trusts_the_given_bundle_and_shows_the_given_certificate(pem: Path) -> None:
    context = clients.tls(
        Kafka(
            security_protocol="SASL_SSL",
            ssl_cafile=pem / "ca.pem",
            ssl_certfile=pem / "ca.pem",
            ssl_keyfile=pem / "key.pem",
        )
    )
    assert context is not None
    assert [dict(name[0] for name in ca["subject"])["commonName"] for ca in context.get_ca_certs()] == ["broker.test"]


@pytest.mark.parametrize("key", ["ca.pem", "locked.pem", "absent.pem"])
def test_a_key_that_does_not_fit_is_an_error_and_no_prompt(pem: Path, key: str) -> None:
    kafka = Kafka(security_protocol="SSL", ssl_certfile=pem / "ca.pem", ssl_keyfile=pem / key)
    with pytest.raises(ConfigError, match=r"kafka\.ssl_certfile or kafka\.ssl_keyfile"):
        clients.tls(kafka)


def test_a_bundle_that_is_no_pem_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("hello")
    with pytest.raises(ConfigError, match=r"kafka\.ssl_cafile"):
        clients.tls(Kafka(security_protocol="SSL", ssl_cafile=tmp_path / "ca.pem"))


def test_a_key_without_a_certificate_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"without kafka\.ssl_certfile"):
        clients.tls(Kafka(security_protocol="SSL", ssl_keyfile=tmp_path / "key.pem"))


async def test_a_consumer_commits_only_when_told_and_begins_at_the_earliest() -> None:
    made = clients.consumer(config(session_timeout_s=6), "topic", group="detector-ingest")
    assert made._enable_auto_commit is False
    assert made._auto_offset_reset == "earliest"
    assert made._group_id == "detector-ingest"
    assert (made._session_timeout_ms, made._heartbeat_interval_ms) == (6000, 600)
    await made.stop()


async def test_what_a_caller_asks_for_wins_over_the_defaults() -> None:
    made = clients.consumer(config(), group="g", auto_offset_reset="latest", fetch_max_wait_ms=7)
    assert (made._auto_offset_reset, made._fetch_max_wait_ms) == ("latest", 7)
    await made.stop()


async def test_a_producer_waits_for_all_replicas_and_takes_what_ingest_takes() -> None:
    made = clients.producer(config())
    assert made._sender._acks == -1
    assert made._txn_manager is not None
    assert made._max_request_size > config().ingest.max_record_bytes
    await made.stop()


def test_the_group_of_a_stage_carries_the_prefix() -> None:
    assert clients.group_id(config(group="blue"), "watch") == "blue-watch"


def test_faust_gets_urls_and_no_credentials_on_plaintext() -> None:
    assert clients.faust_settings(config(bootstrap="a:1,b:2")) == {"broker": ["kafka://a:1", "kafka://b:2"]}


def test_faust_gets_the_same_login_as_the_other_clients() -> None:
    from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

    made = config(
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username="detector",
        sasl_password=SecretStr("s3cret"),
    )
    told = credentials_to_aiokafka_auth(clients.faust_settings(made)["broker_credentials"])
    ours = clients.connection(made.kafka)
    assert isinstance(told.pop("ssl_context"), ssl.SSLContext)
    assert told == {key: ours[key] for key in told}


def test_faust_uses_tls_alone_where_no_login_is_asked_for() -> None:
    from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

    settings = clients.faust_settings(config(security_protocol="SSL"))
    assert credentials_to_aiokafka_auth(settings["broker_credentials"])["security_protocol"] == "SSL"
