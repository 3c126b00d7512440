"""freastal/_tls.py: from files to what a worker takes, and certificates that are read again."""

from __future__ import annotations

import os

import pytest

from freastal import _core
from freastal._log import Log
from freastal._tls import Renewal, check_tls, keep, open_tls, renew
from freastal.config import Config
from freastal.errors import CertificateError, ConfigError
from tests.support.server import BASIC

GOOD, BAD = None, ValueError("the key does not belong to it")


class Worker:
    """One that notes what it was asked for, and whose certificates are good or bad."""

    def __init__(self, problem=GOOD):
        self.problem = problem
        self.asked = []

    def pause(self):
        self.asked.append("pause")

    def reload_tls(self):
        self.asked.append("reload_tls")
        if self.problem is not None:
            raise self.problem


@pytest.fixture
def log(tmp_path):
    log = Log("info", str(tmp_path / "log"))
    yield log
    log.close()


@pytest.fixture
def logged(tmp_path, log):
    return (tmp_path / "log").read_text


# Files.


def test_without_tls_there_is_nothing():
    assert open_tls(Config()) is None


def test_files_in_the_words_of_the_core(certificates, monkeypatch):
    monkeypatch.chdir(certificates.folder)
    server, ocsp_file = certificates.server, certificates.ocsp_file
    both = {
        "certfile": ["server.crt", certificates.shop.certfile],
        "keyfile": ["server.key", certificates.shop.keyfile],
    }
    tls = open_tls(Config(**both, ocsp_file=["server.ocsp", ""], ciphers="HIGH", reload_certs=True))
    assert tls == {
        "identities": [
            (str(server.certfile), str(server.keyfile), None, str(ocsp_file), None, None),
            (str(certificates.shop.certfile), str(certificates.shop.keyfile), None, None, None, None),
        ],
        "verify": "none",
        "ca_file": None,
        "crl_file": None,
        "version_min": "1.2",
        "ciphers": "HIGH",
        "watch_files": True,
    }


def test_who_is_trusted(certificates):
    clients = {"cert_reqs": 2, "ca_certs": certificates.ca_file, "crl_file": certificates.crl_file}
    tls = open_tls(Config(**certificates.encrypted.options, **clients, tls_min_version="1.3"))
    assert tls["identities"][0][2] == certificates.encrypted.password
    assert (tls["verify"], tls["ca_file"]) == ("required", str(certificates.ca_file))
    assert (tls["crl_file"], tls["version_min"]) == (str(certificates.crl_file), "1.3")


@pytest.mark.parametrize("option", ["certfile", "keyfile", "ca_certs", "crl_file", "ocsp_file"])
def test_a_file_that_is_not_there(certificates, option):
    clients = {"cert_reqs": 2, "ca_certs": certificates.ca_file}
    with pytest.raises(ConfigError) as caught:
        open_tls(Config(**{**certificates.server.options, **clients, option: "nowhere.pem"}))
    assert (caught.value.option, caught.value.value) == (option, "nowhere.pem")
    assert caught.value.problem == (
        "cannot be read (No such file or directory); name a file that the server's user may read"
    )


def test_a_folder_is_no_file(certificates, tmp_path):
    with pytest.raises(ConfigError, match="is not a file"):
        open_tls(Config(certfile=tmp_path))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="is not a file"):
        open_tls(Config(certfile=tmp_path / "pipe"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up a privilege")
def test_a_file_that_may_not_be_read(tmp_path):
    secret = tmp_path / "key"
    secret.touch(0)
    os.seteuid(65534)
    try:
        with pytest.raises(ConfigError, match="Permission denied"):
            open_tls(Config(certfile=secret))
    finally:
        os.seteuid(0)


def test_a_file_that_is_no_certificate(tmp_path):
    (tmp_path / "a.pem").write_text("nothing")
    with pytest.raises(CertificateError) as caught:
        open_tls(Config(certfile=tmp_path / "a.pem"))
    assert str(tmp_path / "a.pem") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_key_of_another(certificates):
    with pytest.raises(CertificateError):
        open_tls(Config(certfile=certificates.server.certfile, keyfile=certificates.shop.keyfile))


@pytest.mark.parametrize("password", ["", "wrong"])
def test_a_key_that_cannot_be_opened(certificates, password):
    options = {**certificates.encrypted.options, "keyfile_password": password}
    with pytest.raises(CertificateError, match="pass"):
        open_tls(Config(**options))


def test_ciphers_that_there_are_not(certificates):
    with pytest.raises(CertificateError, match="NOTHING"):
        open_tls(Config(**certificates.server.options, ciphers="NOTHING"))


def test_a_mistake_of_ours_is_none_of_the_users():
    with pytest.raises(TypeError):
        check_tls({})


# The server.


@pytest.mark.parametrize("workers", ["1", "2"])
def test_bad_certificates_are_one_line_and_no_worker(complaint, certificates, workers):
    files = ["--certfile", str(certificates.server.certfile), "--keyfile", str(certificates.shop.keyfile)]
    for arguments in ([*files, "-w", workers], [*files, "--check-config"]):
        said = complaint(*arguments, BASIC)
        assert said.count("\n") == 0
        assert str(certificates.shop.keyfile) in said


@pytest.fixture
def complaint(capsys):
    """complaint(*arguments): what the command says when it refuses to serve."""
    from freastal import _cli

    def complaint(*arguments):
        assert _cli.run(list(arguments)) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("freastal: ")
        return err[10:].rstrip("\n")

    return complaint


# Keeping.


def test_what_stands_in_the_files_is_kept(certificates, tmp_path):
    certfile, keyfile = tmp_path / "a.crt", tmp_path / "a.key"
    certfile.write_bytes(certificates.server.certfile.read_bytes())
    keyfile.write_bytes(certificates.server.keyfile.read_bytes())
    tls = open_tls(Config(certfile=certfile, keyfile=keyfile))
    keep(tls)
    kept = [(None, None, None, None, certfile.read_bytes(), keyfile.read_bytes())]
    assert tls["kept"] == kept
    for spoil in (lambda: keyfile.write_text("nothing"), keyfile.unlink):
        spoil()
        keep(tls)
        assert tls["kept"] == kept


def test_what_is_kept_needs_no_response_to_another_certificate(certificates, tmp_path):
    ocsp_file = tmp_path / "a.ocsp"
    ocsp_file.write_bytes(certificates.ocsp_file.read_bytes())
    tls = open_tls(Config(**certificates.server.options, ocsp_file=ocsp_file))
    keep(tls)
    ocsp_file.write_bytes(certificates.root.vouch_for(certificates.shop))
    check_tls({**tls, "identities": tls["kept"]})


# Reading again.


def test_good_ones_are_used(log, logged):
    worker = Worker()
    renew(worker, log)
    assert worker.asked == ["reload_tls"]
    assert logged() == ""


def test_bad_ones_are_told_of(log, logged):
    renew(Worker(BAD), log)
    assert logged().endswith("error: certificates cannot be used, the old ones stay: the key does not belong to it\n")


def test_a_worker_is_paused_and_goes_on(log):
    worker = Worker()
    renewal = Renewal(worker, log)
    assert not renewal.take()
    renewal.ask()
    assert worker.asked == ["pause"]
    assert renewal.take()
    assert worker.asked == ["pause", "reload_tls"]
    assert not renewal.take()


def test_a_drain_is_not_lost_to_a_renewal(log):
    worker = Worker()
    renewal = Renewal(worker, log)
    renewal.ask()
    renewal.end()
    assert worker.asked == ["pause", "pause"]
    assert not renewal.take()
    assert worker.asked[2:] == ["reload_tls"]


def test_the_ring_has_a_size():
    assert _core.ticket_ring_bytes() % 8 == 0
