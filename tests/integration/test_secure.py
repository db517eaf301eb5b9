"""TLS, client certificates and logins against Apache Kafka, and what is said where one of them is wrong."""

import asyncio
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from detector.config import Config, Kafka, Topics
from detector.kafka import clients
from detector.kafka.outbox import Out
from detector.kafka.reach import Knock, knock
from detector.kafka.sending import send
from tests.support import told
from tests.support.apache import ApacheKafka
from tests.support.brokers import Real
from tests.support.collector import Collector
from tests.support.services import free_port, program
from tests.support.worker import run, worker

pytestmark = pytest.mark.services

LOGIN = {"sasl_username": "detector", "sasl_password": "s3cret-of-detector"}
PROTOCOLS = ("SSL", "SASL_PLAINTEXT", "SASL_SSL")


class Secured(NamedTuple):
    """A broker with a listener for each protocol; `pem` holds ca.pem, client.pem (with its key) and other.pem."""

    bootstrap: str
    ports: dict[str, int]
    pem: Path

    def settings(self, protocol: str, **over: Any) -> dict[str, Any]:
        """What a right client of this listener sets."""
        settings: dict[str, Any] = {"security_protocol": protocol}
        settings["bootstrap"] = f"127.0.0.1:{self.ports[protocol]}"
        settings |= {"ssl_cafile": self.pem / "ca.pem"} if "SSL" in protocol else {}
        settings |= {"ssl_certfile": self.pem / "client.pem"} if protocol == "SSL" else {}
        settings |= LOGIN if protocol.startswith("SASL") else {}
        return settings | over

    async def knock(self, protocol: str, **over: Any) -> Knock:
        """Knocks as a client with these settings, some of them wrong."""
        kafka = Kafka(**self.settings(protocol, **over))
        return await knock(kafka, kafka.bootstrap)


@pytest.fixture(scope="module")
def secured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    if request.config.getoption("--broker") != "apache":
        pytest.skip("runs on Apache Kafka alone: pytest --broker apache")
    directory = tmp_path_factory.mktemp("secured")
    _certificates(directory)
    ports = {protocol: free_port() for protocol in PROTOCOLS}
    login = "org.apache.kafka.common.security.{}.{}LoginModule required{};"
    properties = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(directory / "broker.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(directory / "ca.pem"),
        "listener.name.ssl.ssl.client.auth": "required",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
    }
    for listener in ("sasl_plaintext", "sasl_ssl"):
        begin = f"listener.name.{listener}"
        properties[f"{begin}.scram-sha-512.sasl.jaas.config"] = login.format("scram", "Scram", "")
        user = f' user_{LOGIN["sasl_username"]}="{LOGIN["sasl_password"]}"'
        properties[f"{begin}.plain.sasl.jaas.config"] = login.format("plain", "Plain", user)
    server = ApacheKafka(directory, ports, properties, {LOGIN["sasl_username"]: LOGIN["sasl_password"]})
    try:
        server.start()
        yield Secured(server.bootstrap, ports, directory)
    finally:
        server.kill()


def _certificates(directory: Path) -> None:
    """A CA, a certificate of it for 127.0.0.1 and one for a client, each with its key; and an alien CA."""
    openssl = program("openssl", package="openssl")

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], check=True, capture_output=True, cwd=directory)

    for ca in ("ca", "other"):
        run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={ca}",
            "-keyout", f"{ca}.key", "-out", f"{ca}.pem")  # fmt: skip
    for name, usage in (("broker", "serverAuth"), ("client", "clientAuth")):
        run("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
            "-out", f"{name}.csr")  # fmt: skip
        (directory / f"{name}.ext").write_text(f"subjectAltName=IP:127.0.0.1\nextendedKeyUsage={usage}\n")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.crt")  # fmt: skip
        both = [(directory / f"{name}{suffix}").read_text() for suffix in (".key", ".crt")]
        (directory / f"{name}.pem").write_text("".join(both))


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_records_go_in_and_out(secured: Secured, protocol: str, mechanism: str) -> None:
    topic = f"{protocol}.{mechanism}"
    Real(secured.bootstrap).create_topic(topic, 1, {})
    config = Config(kafka=Kafka(**secured.settings(protocol, sasl_mechanism=mechanism)))
    producer, consumer = clients.producer(config), clients.consumer(config, topic)
    try:
        await producer.start()
        await producer.send_and_wait(topic, b"hello")
        await consumer.start()
        assert (await asyncio.wait_for(consumer.getone(), 30)).value == b"hello"
    finally:
        await consumer.stop()
        await producer.stop()


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_command_sends_its_record(secured: Secured, protocol: str) -> None:
    topic = f"{protocol}.command"
    Real(secured.bootstrap).create_topic(topic, 1, {})
    config = Config(kafka=Kafka(**secured.settings(protocol)))
    await send(config, Out(topic, b"hello"), timeout_s=30.0)
    consumer = clients.consumer(config, topic)
    try:
        await consumer.start()
        assert (await asyncio.wait_for(consumer.getone(), 30)).value == b"hello"
    finally:
        await consumer.stop()


@pytest.mark.timeout(1200)  # where nothing is at hand, the collector is built first
async def test_a_collector_logs_in_by_tls(secured: Secured, tmp_path: Path) -> None:
    logs, spans = "collector.otlp_logs", "collector.otlp_spans"
    for topic in (logs, spans):
        Real(secured.bootstrap).create_topic(topic, 1, {})
    config = Config(kafka=Kafka(**secured.settings("SASL_SSL")))
    login = {"KAFKA_USERNAME": LOGIN["sasl_username"], "KAFKA_PASSWORD": LOGIN["sasl_password"]}
    ca = {"KAFKA_CA_FILE": str(secured.pem / "ca.pem")}
    collector = Collector(tmp_path, config.kafka.bootstrap, logs, spans, more=login | ca)
    consumer = clients.consumer(config, logs)
    try:
        await asyncio.to_thread(collector.send, "logs", told.codex("run-1", range(1)).body)
        await consumer.start()
        assert len((await asyncio.wait_for(consumer.getone(), 30)).value) > 0
    finally:
        await consumer.stop()
        collector.kill()
    assert LOGIN["sasl_password"] not in (tmp_path / "collector.log").read_text()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_all_stages_work_through_it(secured: Secured, tmp_path: Path, protocol: str) -> None:
    names = {key: f"{name}.{protocol}" for key, name in Topics().model_dump().items() if isinstance(name, str)}
    kafka = secured.settings(protocol, group=f"detector-{protocol}", session_timeout_s=6)
    config = Config.model_validate(
        {"kafka": kafka, "topics": names | {"partitions": 2}, "web": {"port": 0}, "log": {"level": "debug"}}
    )
    code, said = run(config, tmp_path, "topics")
    assert code == 0, said
    with worker(config, tmp_path, "worker") as it:
        end = time.monotonic() + 60
        while (ready := it.get("/readyz")) != '{"status": "ok"}':
            assert time.monotonic() < end, ready
            time.sleep(0.2)
        assert it.end() == 0
    assert LOGIN["sasl_password"] not in it.said


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_right_client_is_answered(secured: Secured, protocol: str) -> None:
    answer = await secured.knock(protocol)
    assert answer.ok, answer.detail
    assert answer.named == (f"127.0.0.1:{secured.ports[protocol]}",)


@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
async def test_a_wrong_password_is_told_without_showing_it(secured: Secured, protocol: str, mechanism: str) -> None:
    answer = await secured.knock(protocol, sasl_password="guess-work", sasl_mechanism=mechanism)
    assert answer.detail == "the login of detector was refused"
    assert "kafka.sasl_username" in answer.fix
    assert "guess-work" not in str(answer)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
@pytest.mark.parametrize("command", ["worker", "topics", "doctor", "link --run r --task t --timeout 5"])
def test_no_command_shows_a_wrong_password(secured: Secured, tmp_path: Path, mechanism: str, command: str) -> None:
    kafka = secured.settings("SASL_SSL", sasl_password="guess-work", sasl_mechanism=mechanism)
    config = Config.model_validate({"kafka": kafka, "web": {"port": 0}, "log": {"level": "debug"}})
    code, said = run(config, tmp_path, *command.split())
    assert code == 1
    assert "login of detector was refused" in said
    assert "guess-work" not in said


async def test_a_mechanism_that_is_not_enabled_is_told(secured: Secured) -> None:
    answer = await secured.knock("SASL_PLAINTEXT", sasl_mechanism="SCRAM-SHA-256")
    assert answer.detail == "it does not take SCRAM-SHA-256"
    assert "kafka.sasl_mechanism" in answer.fix


async def test_a_certificate_of_an_unknown_ca_is_told(secured: Secured) -> None:
    answer = await secured.knock("SASL_SSL", ssl_cafile=secured.pem / "other.pem")
    assert answer.detail.startswith("its certificate is not trusted")
    assert "kafka.ssl_cafile" in answer.fix


async def test_a_certificate_for_another_name_is_told(secured: Secured) -> None:
    port = secured.ports["SASL_SSL"]
    answer = await secured.knock("SASL_SSL", bootstrap=f"localhost:{port}")
    assert "localhost" in answer.detail
    assert "the host name it was signed for" in answer.fix


async def test_a_missing_client_certificate_is_told(secured: Secured) -> None:
    answer = await secured.knock("SSL", ssl_certfile=None)
    assert "kafka.ssl_certfile" in answer.fix


@pytest.mark.parametrize("listener", ["PLAINTEXT", *PROTOCOLS])
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_protocol_that_is_not_the_listeners_is_told(secured: Secured, protocol: str, listener: str) -> None:
    if listener == protocol:
        pytest.skip("they agree")
    ports = secured.ports | {"PLAINTEXT": int(secured.bootstrap.rpartition(":")[2])}
    answer = await secured.knock(protocol, bootstrap=f"127.0.0.1:{ports[listener]}")
    assert not answer.ok
    assert f"kafka.security_protocol ({protocol})" in answer.fix


@pytest.mark.parametrize("listener", PROTOCOLS)
async def test_plaintext_at_a_listener_that_wants_more_is_told(secured: Secured, listener: str) -> None:
    kafka = Kafka(bootstrap=f"127.0.0.1:{secured.ports[listener]}")
    answer = await knock(kafka, kafka.bootstrap)
    assert not answer.ok
    assert "kafka.security_protocol (PLAINTEXT)" in answer.fix


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_faust_logs_in_as_the_other_clients_do(secured: Secured, protocol: str) -> None:
    import faust

    topic = f"faust.{protocol}"
    Real(secured.bootstrap).create_topic(topic, 1, {})
    config = Config(kafka=Kafka(**secured.settings(protocol)))
    app = faust.App(topic, **clients.faust_settings(config), web_enabled=False)
    consumer = clients.consumer(config, topic)
    await app.producer.start()
    try:
        await app.producer.send_and_wait(topic, None, b"hello", 0, None, None)
        await consumer.start()
        assert (await asyncio.wait_for(consumer.getone(), 30)).value == b"hello"
    finally:
        await consumer.stop()
        await app.producer.stop()
