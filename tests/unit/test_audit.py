"""The audit of locked versions: a vulnerability fails, a service out of reach is told."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.audit import audit

pytest.importorskip("pip_audit", reason="make setup installs pip-audit")

FOUND = {
    "vulns": [
        {
            "id": "PYSEC-1",
            "modified": "2026-01-01T00:00:00Z",
            "published": "2026-01-01T00:00:00Z",
            "summary": "bad",
            "affected": [
                {
                    "package": {"name": "six", "ecosystem": "PyPI"},
                    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.0"}]}],
                    "versions": ["1.17.0"],
                }
            ],
        }
    ]
}


@pytest.fixture
def locked(tmp_path: Path) -> str:
    path = tmp_path / "requirements.txt"
    path.write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    return str(path)


@pytest.fixture
def osv() -> Iterator[Any]:
    """A service on loopback; what it answers is `answer`, its arguments for pip-audit are `options`."""

    class Service(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            told = json.dumps(server.answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: Any) -> None: ...

    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.options = ("-s", "osv", "--osv-url", f"http://127.0.0.1:{server.server_address[1]}/")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_known_vulnerability_fails(locked: str, osv: Any, capsys: pytest.CaptureFixture[str]) -> None:
    osv.answer = FOUND
    assert audit(locked, [("OSV", osv.options)]) == 1
    assert "six 1.17.0: PYSEC-1, mended in 9.0" in capsys.readouterr().out


def test_none_is_fine(locked: str, osv: Any, capsys: pytest.CaptureFixture[str]) -> None:
    osv.answer = {}
    assert audit(locked, [("OSV", osv.options)]) == 0
    assert capsys.readouterr().out == "OSV knows no vulnerability of 1 locked versions\n"


def test_services_out_of_reach_are_told_and_no_failure(
    locked: str, osv: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    osv.shutdown()
    osv.server_close()
    assert audit(locked, [("OSV", osv.options)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("NOT AUDITED: no advisory service can be reached from here.\n  OSV: ")
    assert "Connection" in out
