"""deploy/compose.yaml as a parser of the specification reads it: confined, on loopback, made of what is there."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from detector.cli import cli
from detector.config import load_config
from detector.pipeline.stage import STAGES
from detector.pipeline.worker import STOP_S
from tests.support import go_tools
from tests.support.prometheus import promtool

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
FILE = DEPLOY / "compose.yaml"
VARIABLE = "${DETECTOR_SECRETS:?"

pytestmark = pytest.mark.timeout(900)  # the parser is built first, once


def parsed(*files: Path) -> dict[str, Any]:
    """What files, one over the other, come to; variables stay as they are written."""
    asked = [go_tools.compose(), "-no-interpolation", "-format", "json", *map(str, files)]
    told = subprocess.run(asked, cwd=DEPLOY, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr
    model: dict[str, Any] = yaml.safe_load(told.stdout)
    return model


@pytest.fixture(scope="module")
def model() -> dict[str, Any]:
    return parsed(FILE)


@pytest.fixture(scope="module")
def services(model: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = model["services"]
    assert set(found) == {"kafka", "topics", "detector", "prometheus", "alertmanager", "grafana"}
    return found


def lasts(services: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Services that do not end by themselves."""
    return [service for name, service in services.items() if name != "topics"]


def seconds(span: str) -> float:
    """Of a duration as Go writes it: 1m0s."""
    return sum(float(n) * {"h": 3600, "m": 60, "s": 1}[unit] for n, unit in re.findall(r"([\d.]+)([hms])", span))


def test_every_service_is_confined(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert re.fullmatch(r"[1-9]\d*:\d+", service["user"]), name
        assert not service.get("privileged"), name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}, name


def test_images_are_pinned_by_version(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        assert re.fullmatch(r"(docker\.io/)?[a-z/]+:v?\d+\.\d+\.\d+", service["image"]), service["image"]
    kafka = re.search(r"<kafka\.version>([\d.]+)<", (DEPLOY / "kafka" / "pom.xml").read_text(encoding="utf-8"))
    assert kafka is not None
    assert services["kafka"]["image"].endswith(f":{kafka[1]}"), "the version that is tested"


def test_nothing_is_published_beyond_loopback(services: dict[str, dict[str, Any]]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}
    assert len({port["published"] for port in ports}) == len(ports)


def test_services_are_checked_begin_again_and_wait_for_each_other(services: dict[str, dict[str, Any]]) -> None:
    for service in lasts(services):
        assert service["restart"] == "unless-stopped"
        assert "healthcheck" in service or service["image"].startswith("detector:"), "the image brings its own"
    waits = {name: need["condition"] for name, need in services["detector"]["depends_on"].items()}
    assert waits["kafka"] == "service_healthy"
    assert waits["topics"] == "service_completed_successfully"
    assert seconds(services["detector"]["stop_grace_period"]) > STOP_S


def test_what_is_mounted_is_there_and_cannot_be_written(
    model: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    mounts = [mount for service in services.values() for mount in service["volumes"]]
    for mount in mounts:
        if mount["type"] == "bind":
            assert VARIABLE in mount["source"] or Path(mount["source"]).exists(), mount["source"]
            assert mount["read_only"], mount["source"]
    assert {mount["source"] for mount in mounts if mount["type"] == "volume"} == set(model["volumes"])


def test_the_build_finds_its_file(services: dict[str, dict[str, Any]]) -> None:
    build = services["detector"]["build"]
    assert Path(build["context"]) == ROOT
    assert (ROOT / build["dockerfile"]).is_file()
    assert services["topics"]["build"] == build


def test_commands_are_those_of_the_detector(services: dict[str, dict[str, Any]]) -> None:
    for name in ("topics", "detector"):
        assert CliRunner().invoke(cli, [*services[name]["command"], "--help"]).exit_code == 0


def test_the_page_splits_it_so_that_each_stage_runs_once(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    file = tmp_path / "compose.split.yaml"
    file.write_text(block.replace("file: compose.yaml", f"file: {FILE}"))
    services = parsed(FILE, file)["services"]
    commands = [services[name]["command"] for name in ("detector", "ingest-watch")]
    assert sorted(part for command in commands for part in command if part in STAGES) == sorted(STAGES)
    assert not services["ingest-watch"].get("ports")
    assert services["ingest-watch"]["read_only"]


def test_secrets_are_files_without_a_default_and_missing_ones_are_told(model: dict[str, Any]) -> None:
    for secret in model["secrets"].values():
        assert secret["file"].partition(VARIABLE)[1], secret
    asked = [go_tools.compose(), str(FILE)]
    told = subprocess.run(asked, cwd=DEPLOY, env={}, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode != 0
    assert "DETECTOR_SECRETS is missing a value: set it to the directory" in told.stderr


def test_the_configuration_names_what_the_file_has(model: dict[str, Any], services: dict[str, dict[str, Any]]) -> None:
    config = load_config(DEPLOY / "detector.toml")
    assert config.kafka.bootstrap == "kafka:9092"
    assert config.notify.alertmanagers == ["http://alertmanager:9093"]
    given = {Path(secret["target"]) for secret in services["detector"]["secrets"]}
    assert {config.gateway.tokens_file, config.privacy.pseudonym_key_file} == given
    published = {port["target"] for port in services["detector"]["ports"]}
    assert published == {config.web.port, config.gateway.port}
    assert config.web.public_url == f"http://127.0.0.1:{config.web.port}"
    assert config.web.grafana_url == services["grafana"]["environment"]["GF_SERVER_ROOT_URL"]
    assert f"--web.external-url={config.notify.silence_url}" in services["alertmanager"]["command"]
    assert set(model["networks"]) == {"inside", "machine"}


def test_what_is_linked_to_is_published(services: dict[str, dict[str, Any]]) -> None:
    """Alerts link to who told them, and there a name of this network leads nobody."""
    for name in ("prometheus", "alertmanager"):
        (port,) = services[name]["ports"]
        assert f"--web.external-url=http://127.0.0.1:{port['published']}" in services[name]["command"], name


def test_kafka_is_the_one_that_is_tested_but_for_its_addresses() -> None:
    own, tested = (properties(DEPLOY / "kafka" / f"{name}.properties") for name in ("compose", "server"))
    assert {name for name in own | tested if own.get(name) != tested.get(name)} == {
        "advertised.listeners",
        "inter.broker.listener.name",
        "listener.security.protocol.map",
        "listeners",
        "log.dirs",
    }


def properties(file: Path) -> dict[str, str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_kafka_may_load_what_unpacks_snappy_and_zstd(services: dict[str, dict[str, Any]]) -> None:
    """Java puts these libraries there; Docker mounts with noexec, and the broker would refuse every such batch."""
    (place,) = services["kafka"]["tmpfs"]
    path, _, options = place.partition(":")
    assert path == "/tmp"
    assert "exec" in options.split(",")


def test_prometheus_is_configured_as_elsewhere_but_for_its_addresses() -> None:
    place = DEPLOY / "prometheus"
    own, other = ((place / f"{name}.yml").read_text(encoding="utf-8") for name in ("compose", "prometheus"))
    there = other.replace('["127.0.0.1:9464"]', '["detector:9464"]').replace(
        '["127.0.0.1:9093"]', '["alertmanager:9093"]'
    )
    assert yaml.safe_load(own) == yaml.safe_load(there)
    asked = [promtool(), "check", "config", str(place / "compose.yml")]
    told = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


def test_secrets_of_receivers_are_where_alertmanager_looks_for_them(services: dict[str, dict[str, Any]]) -> None:
    mounts = {mount["target"]: mount["source"] for mount in services["alertmanager"]["volumes"]}
    text = (DEPLOY / "alertmanager" / "alertmanager.yml").read_text(encoding="utf-8")
    asked = {Path(file) for file in re.findall(r"^[^#\n]*_file: (/[\w/.-]+)", text, re.MULTILINE)}
    assert {str(file.parent) for file in asked} <= {"/run/secrets"}
    assert VARIABLE in mounts["/run/secrets"]


def test_grafana_is_told_what_its_provisioning_asks_for(services: dict[str, dict[str, Any]]) -> None:
    grafana = services["grafana"]
    mounted = {mount["target"] for mount in grafana["volumes"]}
    for file in (DEPLOY / "grafana" / "provisioning").rglob("*.y*ml"):
        text = re.sub(r"^\s*#.*$", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert set(re.findall(r"\$\{?([A-Z_]+)", text)) <= set(grafana["environment"]), file
        assert set(re.findall(r"^\s*path: (\S+)$", text, re.MULTILINE)) <= mounted, file
