"""The certificate that all servers show: ECDSA on P-256, self-signed, made by openssl when it is first asked for."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

BUILD = Path(__file__).resolve().parent / "build"
CERTIFICATE = BUILD / "certificate.pem"
KEY = BUILD / "key.pem"  # PKCS#8, the one form that all of them read


@functools.cache
def files() -> tuple[Path, Path]:
    """The certificate and its key; a new pair for each run of a program, so that none expires."""
    BUILD.mkdir(parents=True, exist_ok=True)
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
               "-keyout", str(KEY), "-out", str(CERTIFICATE)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return CERTIFICATE, KEY
