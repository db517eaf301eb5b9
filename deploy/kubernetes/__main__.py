"""`python -m deploy.kubernetes`: wraps deploy/prometheus/rules into the PrometheusRule of the overlay `monitoring`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[1]
RULES = DEPLOY / "prometheus" / "rules"
WRITTEN = DEPLOY / "kubernetes" / "overlays" / "monitoring" / "rules.yaml"
_HEAD = "# Made of deploy/prometheus/rules by `python -m deploy.kubernetes`: what is changed here by hand is lost.\n"


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Texts of several lines as such: rules are read by people too."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    node: yaml.ScalarNode = dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)
    return node


_Dumper.add_representer(str, _text)


def wrapped(files: Iterable[Path]) -> str:
    """The manifest with all groups of rule files, in the order of the files' names."""
    rule: dict[str, Any] = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": "detector",
            "namespace": "detector",
            "labels": {"app.kubernetes.io/name": "detector"},
        },
        "spec": {"groups": [group for file in sorted(files) for group in _groups(file)]},
    }
    manifest: str = yaml.dump(rule, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    return _HEAD + manifest


def _groups(file: Path) -> list[Any]:
    groups: list[Any] = yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    return groups


def main() -> None:
    """Writes it anew; the same rules give the same bytes."""
    WRITTEN.write_text(wrapped(RULES.glob("*.yml")), encoding="utf-8")


if __name__ == "__main__":
    main()
