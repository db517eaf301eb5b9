"""deploy/kubernetes, rendered and held against the schemas of the API, against itself and against the detector."""

import subprocess
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from deploy.kubernetes.__main__ import RULES, WRITTEN, wrapped
from detector.cli import cli
from detector.config import Config, load_config
from detector.pipeline.stage import STAGES
from detector.pipeline.worker import STOP_S
from tests.support import go_tools
from tests.support.prometheus import promtool

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import kubernetes_validate

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("base", "overlays/monitoring", "overlays/example")
VERSIONS = ("1.32", "1.37")
GIVEN = {"detector-secrets", "detector-kafka"}
"""Secrets that whoever deploys makes."""

Manifest = dict[str, Any]
pytestmark = pytest.mark.timeout(900)  # where there is no kubectl, kustomize is built first, once


def rendered(overlay: str) -> list[Manifest]:
    asked = [*go_tools.kustomize(), str(PLACE / overlay)]
    told = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr
    return list(yaml.safe_load_all(told.stdout))


@pytest.fixture(scope="module", params=OVERLAYS)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return rendered(request.param)


def of(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [each for each in manifests if each["kind"] in kinds]


def pods(manifests: list[Manifest]) -> list[tuple[str, Manifest]]:
    """Name and template of all that makes pods."""
    return [(each["metadata"]["name"], each["spec"]["template"]) for each in of(manifests, "Deployment", "Job")]


def container(template: Manifest) -> Manifest:
    (only,) = template["spec"]["containers"]
    found: Manifest = only
    return found


def matches(selector: Manifest, labels: Manifest) -> bool:
    return selector.items() <= labels.items()


def configuration(manifests: list[Manifest], directory: Path) -> Config:
    """What workers are given."""
    (made,) = of(manifests, "ConfigMap")
    file = directory / "detector.toml"
    file.write_text(made["data"]["detector.toml"], encoding="utf-8")
    return load_config(file)


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_are_valid_by_the_schemas_of_the_api(manifests: list[Manifest], version: str) -> None:
    for each in manifests:
        if not each["apiVersion"].startswith("monitoring.coreos.com/"):  # of the Prometheus operator, see below
            kubernetes_validate.validate(each, version, strict=True)


def test_names_are_told_once_and_all_is_in_one_namespace(manifests: list[Manifest]) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in manifests]
    assert len(set(names)) == len(names)
    assert {each["metadata"].get("namespace") for each in manifests if each["kind"] != "Namespace"} == {"detector"}


def test_each_stage_has_a_deployment_and_a_disruption_budget(manifests: list[Manifest]) -> None:
    told = {name: container(template)["args"] for name, template in pods(manifests)}
    assert told == {f"detector-{stage}": ["worker", "--stage", stage] for stage in STAGES} | {
        "detector-topics": ["topics"]
    }
    for arguments in told.values():
        assert CliRunner().invoke(cli, [*arguments, "--help"]).exit_code == 0
    labels = [template["metadata"]["labels"] for name, template in pods(manifests) if name != "detector-topics"]
    budgets = of(manifests, "PodDisruptionBudget")
    for each in labels:
        assert sum(matches(budget["spec"]["selector"]["matchLabels"], each) for budget in budgets) == 1
    assert len(budgets) == len(labels)


def test_pods_are_nobodys_confined_and_without_a_token(manifests: list[Manifest]) -> None:
    for name, template in pods(manifests):
        spec, only = template["spec"], container(template)
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert only["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert set(only["resources"]["requests"]) == {"cpu", "memory"}, name
        assert "memory" in only["resources"]["limits"], name
        assert ":" in only["image"].rpartition("/")[2], "pinned by version"
    for account in of(manifests, "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


def test_workers_are_probed_and_have_time_to_end(manifests: list[Manifest]) -> None:
    for deployment in of(manifests, "Deployment"):
        template = deployment["spec"]["template"]
        assert template["spec"]["terminationGracePeriodSeconds"] > STOP_S
        probes = {
            name: container(template)[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        # A service sends nothing to who is not ready: pages are there to be read where Kafka is away.
        pages = deployment["metadata"]["name"] == "detector-pages"
        assert {name: probe["path"] for name, probe in probes.items()} == {
            "startupProbe": "/readyz" if pages else "/healthz",
            "livenessProbe": "/healthz",
            "readinessProbe": "/healthz" if pages else "/readyz",
        }
        assert {probe["port"] for probe in probes.values()} == {"web"}
        assert deployment["spec"]["selector"]["matchLabels"] == template["metadata"]["labels"]


def test_who_serves_others_listens_until_they_have_heard_that_it_goes(manifests: list[Manifest]) -> None:
    """A worker closes its port as soon as it is told to end, while proxies still send to it for a moment."""
    asked = {"detector-gateway", "detector-pages"}
    for name, template in pods(manifests):
        command = container(template).get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [])
        assert bool(command) is (name in asked), name
        if command:
            word, wait_s = command
            assert word == "sleep"
            assert 0 < int(wait_s) + STOP_S < template["spec"]["terminationGracePeriodSeconds"]


def test_what_pods_mount_is_there_or_is_told_of(manifests: list[Manifest]) -> None:
    page = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    maps = {each["metadata"]["name"] for each in of(manifests, "ConfigMap")}
    accounts = {each["metadata"]["name"] for each in of(manifests, "ServiceAccount")}
    for name, template in pods(manifests):
        volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
        assert {mount["name"] for mount in container(template)["volumeMounts"]} == set(volumes), name
        assert {volume["configMap"]["name"] for volume in volumes.values() if "configMap" in volume} <= maps, name
        secrets = {volume["secret"]["secretName"] for volume in volumes.values() if "secret" in volume}
        assert secrets <= GIVEN, name
        assert all(f"create secret generic {secret}" in page for secret in secrets)
        assert template["spec"]["serviceAccountName"] in accounts, name


def test_the_configuration_loads_and_names_ports_and_files_that_pods_have(
    manifests: list[Manifest], tmp_path: Path
) -> None:
    config = configuration(manifests, tmp_path)
    assert (config.web.host, config.gateway.host) == ("0.0.0.0", "0.0.0.0")
    files = {config.gateway.tokens_file, config.privacy.pseudonym_key_file}
    files |= {config.kafka.sasl_password_file, config.kafka.ssl_cafile} - {None}
    for name, template in pods(manifests):
        only = container(template)
        mounted = {Path(mount["mountPath"]) for mount in only["volumeMounts"]}
        assert all(file is not None and file.parent in mounted for file in files), name
        assert Path({each["name"]: each["value"] for each in only["env"]}["DETECTOR_CONFIG"]).parent in mounted, name
        ports = {port["name"]: port["containerPort"] for port in only.get("ports", [])}
        if name != "detector-topics":
            assert ports["web"] == config.web.port
        if name == "detector-gateway":
            assert ports["otlp-http"] == config.gateway.port


def test_services_lead_to_ports_of_pods(manifests: list[Manifest]) -> None:
    workers = [template for name, template in pods(manifests) if name != "detector-topics"]
    for service in of(manifests, "Service"):
        behind = [each for each in workers if matches(service["spec"]["selector"], each["metadata"]["labels"])]
        assert behind, service["metadata"]["name"]
        for each in behind:
            names = {port["name"] for port in container(each)["ports"]}
            assert {port["targetPort"] for port in service["spec"]["ports"]} <= names


def test_nothing_may_be_reached_but_what_policies_name(manifests: list[Manifest], tmp_path: Path) -> None:
    config = configuration(manifests, tmp_path)
    policies = {each["metadata"]["name"]: each["spec"] for each in of(manifests, "NetworkPolicy")}
    assert policies.pop("detector-deny") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, spec in policies.items():
        selector = spec["podSelector"]["matchLabels"]
        assert any(matches(selector, template["metadata"]["labels"]) for _, template in pods(manifests)), name
        for rule in (*spec.get("ingress", []), *spec.get("egress", [])):
            assert rule["ports"] and rule.get("from", rule.get("to")), f"{name} leaves something open"  # noqa: PT018
    assert outwards(policies["detector-kafka"]) == {53, int(config.kafka.bootstrap.rpartition(":")[2])}
    alertmanagers = {int(address.rpartition(":")[2]) for address in config.notify.alertmanagers}
    assert outwards(policies["detector-alertmanager"]) == alertmanagers


def outwards(policy: Manifest) -> set[int]:
    return {port["port"] for rule in policy["egress"] for port in rule["ports"]}


def test_the_monitor_finds_the_service_of_metrics_and_calls_the_job_as_rules_do() -> None:
    manifests = rendered("overlays/monitoring")
    (monitor,) = of(manifests, "ServiceMonitor")
    spec = monitor["spec"]
    found = [
        service
        for service in of(manifests, "Service")
        if matches(spec["selector"]["matchLabels"], service["metadata"]["labels"])
    ]
    assert [service["metadata"]["name"] for service in found] == ["detector-web"]
    assert found[0]["metadata"]["labels"][spec["jobLabel"]] == "detector"
    assert [each["port"] for each in spec["endpoints"]] == [port["name"] for port in found[0]["spec"]["ports"]]
    assert spec["namespaceSelector"]["matchNames"] == ["detector"]


def test_rules_of_the_operator_are_those_of_prometheus(tmp_path: Path) -> None:
    files = list(RULES.glob("*.yml"))
    assert files
    assert WRITTEN.read_text(encoding="utf-8") == wrapped(files), "make it anew: python -m deploy.kubernetes"
    (rule,) = of(rendered("overlays/monitoring"), "PrometheusRule")
    groups = rule["spec"]["groups"]
    assert len({group["name"] for group in groups}) == len(groups), "the operator refuses two of a name"
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": groups}))
    asked = [promtool(), "check", "rules", str(tmp_path / "rules.yml")]
    told = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
