"""`python -m tests.support.audit LOCKED` asks for known vulnerabilities of locked versions; fails where one is found.

The advisories are PyPI's, else OSV's. A mirror of a registry may have neither: that is said plainly, and is no failure.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

SERVICES = (("PyPI", ("-s", "pypi")), ("OSV", ("-s", "osv")))
SHOWN_CHARS = 200


class Audit(NamedTuple):
    """What a service said: vulnerabilities as lines, how many versions it knows, which it does not know."""

    vulnerable: list[str]
    known: int
    unknown: list[str]


def read(told: str) -> Audit | None:
    """What pip-audit printed as JSON; None where it broke off."""
    try:
        versions: list[dict[str, Any]] = json.loads(told)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return None
    vulnerable = [
        f"{each['name']} {each['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'no version'}"
        for each in versions
        for found in each.get("vulns", ())
    ]
    unknown = [each["name"] for each in versions if "skip_reason" in each]
    return Audit(vulnerable, len(versions) - len(unknown), unknown)


def ask(locked: str, service: Sequence[str]) -> tuple[Audit | None, str]:
    """What a service says of a file of locked versions, and the last line of what went wrong."""
    options = ("--disable-pip", "--progress-spinner", "off", "--format", "json", "-r", locked)
    ended = subprocess.run([sys.executable, "-m", "pip_audit", *options, *service], capture_output=True, text=True)
    return read(ended.stdout), (ended.stderr.strip().splitlines() or [""])[-1][:SHOWN_CHARS]


def audit(locked: str, services: Sequence[tuple[str, Sequence[str]]] = SERVICES) -> int:
    """Asks one service after the other until one knows something; the exit code."""
    why = []
    for name, service in services:
        found, trouble = ask(locked, service)
        if found is not None and found.vulnerable:
            print(f"VULNERABLE, says {name}:", *found.vulnerable, sep="\n  ")
            return 1
        if found is not None and found.known:
            print(f"{name} knows no vulnerability of {found.known} locked versions")
            if found.unknown:
                print("NOT AUDITED, as it does not know them:", ", ".join(found.unknown))
            return 0
        why.append(f"{name}: {'knows none of the versions' if found is not None else trouble or 'no answer'}")
    print("NOT AUDITED: no advisory service can be reached from here.", *why, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(audit(*sys.argv[1:]))
