"""What the audit makes of a database's answers, over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts import audit

FAULT = {
    "id": "PYSEC-2026-1",
    "summary": "Reads what it should not.",
    "affected": [
        {
            "package": {"name": "worn-out", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}],
        }
    ],
}


class Database(BaseHTTPRequestHandler):
    """As OSV answers: of `worn-out` it knows a fault, of everything else none."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"vulns": [FAULT]} if asked["package"]["name"] == "worn-out" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Database) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("pins", "status", "said"),
    [
        ("sound==1.0\n", audit.Status.CLEAN, "1 versions, no known vulnerability"),
        ("sound==1.0\nworn-out==1.0\n", audit.Status.VULNERABLE, "worn-out 1.0: PYSEC-2026-1, fixed in 1.1"),
    ],
)
def test_a_vulnerable_version_has_its_own_status(
    database: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    pins: str,
    status: audit.Status,
    said: str,
) -> None:
    (tmp_path / "pins.txt").write_text(pins)

    assert audit.main(["--requirements", str(tmp_path / "pins.txt"), "--osv-url", database]) == status
    assert said in capsys.readouterr().err


def test_a_database_that_is_not_there_is_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pins.txt").write_text("sound==1.0\n")

    status = audit.main(["--requirements", str(tmp_path / "pins.txt"), "--osv-url", "http://127.0.0.1:1"])

    assert status == audit.Status.UNANSWERED
    assert "the database cannot be reached" in capsys.readouterr().err


@pytest.mark.parametrize("known", [0, 1])
def test_a_version_that_the_database_does_not_know_is_no_clean_one(known: int) -> None:
    entries = [{"name": "sound", "version": "1.0", "vulns": []}] * known

    answer = audit.judged([*entries, {"name": "private", "skip_reason": "not found"}])

    assert answer.status is audit.Status.UNANSWERED
