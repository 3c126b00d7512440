"""sslyze, which knows the known attacks on TLS and Mozilla's recommendations: the defaults give it nothing to say."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.server import tool_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.certs import Certificates
    from tests.support.server import RunningServer

TIMEOUT_S = 100


def find_sslyze() -> list[str]:
    """In this environment, or anywhere on the path."""
    if importlib.util.find_spec("sslyze"):
        return [sys.executable, "-m", "sslyze"]
    found = shutil.which("sslyze")
    return [found] if found else []


SSLYZE = find_sslyze()

pytestmark = pytest.mark.skipif(not SSLYZE, reason="sslyze is not installed")


def scan(server: RunningServer, certificates: Certificates, profile: str, report: Path) -> tuple[str, dict[str, Any]]:
    """What it says about a profile of Mozilla's, and all that it found."""
    command = [
        *SSLYZE,
        f"--mozilla_config={profile}",
        f"--certinfo_ca_file={certificates.ca_file}",
        f"--json_out={report}",
        f"localhost:{server.port}",
    ]
    ran = subprocess.run(
        command, env=tool_environment(), capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    found = json.loads(report.read_text())["server_scan_results"][0]
    assert found["scan_status"] == "COMPLETED", ran.stdout
    results = {name: attempt["result"] for name, attempt in found["scan_result"].items() if attempt["result"]}
    return ran.stdout.partition("COMPLIANCE AGAINST")[2], results


def suites(results: dict[str, Any], version: str) -> set[str]:
    accepted = results[f"{version}_cipher_suites"]["accepted_cipher_suites"]
    return {suite["cipher_suite"]["name"] for suite in accepted}


def test_the_defaults(serve_tls: Callable[..., RunningServer], certificates: Certificates, tmp_path: Path) -> None:
    verdict, found = scan(serve_tls(), certificates, "intermediate", tmp_path / "report.json")
    assert "OK - Compliant" in verdict, verdict
    for old in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"):
        assert not suites(found, old)
    assert len(suites(found, "tls_1_2")) == 3
    assert len(suites(found, "tls_1_3")) == 3
    assert not found["heartbleed"]["is_vulnerable_to_heartbleed"]
    assert not found["openssl_ccs_injection"]["is_vulnerable_to_ccs_injection"]
    assert not found["tls_compression"]["supports_compression"]
    assert found["tls_fallback_scsv"]["supports_fallback_scsv"]
    assert found["tls_extended_master_secret"]["supports_ems_extension"]
    assert not found["session_renegotiation"]["is_vulnerable_to_client_renegotiation_dos"]
    assert found["session_renegotiation"]["supports_secure_renegotiation"]
    assert "NOT_VULNERABLE" in found["robot"]["robot_result"]


def test_only_tls_1_3(serve_tls: Callable[..., RunningServer], certificates: Certificates, tmp_path: Path) -> None:
    verdict, found = scan(serve_tls(tls_min_version="1.3"), certificates, "modern", tmp_path / "report.json")
    assert "OK - Compliant" in verdict, verdict
    assert not suites(found, "tls_1_2")
