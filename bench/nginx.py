"""nginx as a ceiling of TLS and HTTP/2: one process that answers from memory, without a log."""

from __future__ import annotations

import os
import shutil
import subprocess

import certificate

PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])

CONFIGURATION = """\
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 21000; }}
http {{
    access_log off;
    default_type text/plain;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
        location / {{ return 200 "{answer}"; }}
    }}
}}
"""


def program() -> str | None:
    return shutil.which("nginx", path=PATH)


def version() -> str:
    found = program()
    said = subprocess.run([found, "-v"], capture_output=True, text=True).stderr if found else ""
    return said.partition("/")[2].split()[0] if "/" in said else "?"


def command(port: int, size: int, suite: str) -> list[str]:
    """Its start, after its configuration has been written."""
    shown, key = certificate.files()
    folder = certificate.BUILD / "nginx"
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(folder=folder, port=port, certificate=shown, key=key, answer="x" * size)
    )
    return [program() or "nginx", "-c", str(configuration), "-e", "stderr", "-p", str(folder)]
