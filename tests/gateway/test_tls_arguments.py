"""The dict that Worker() and check_tls() are given as tls: what it may hold, and the sentence for what it may not."""

from __future__ import annotations

import mmap

import pytest

from freastal import _core
from tests.gateway.gateway import bind_of, listen, plain


@pytest.fixture(params=["Worker", "check_tls"])
def told(request):
    """told(tls): by way of each function that takes one."""
    if request.param == "check_tls":
        yield _core.check_tls
        return
    with listen() as listener:

        def make(tls):
            worker = _core.Worker(plain(), interface="wsgi", binds=[bind_of(listener)], limits={}, tls=tls)
            worker.close()

        yield make


def test_the_least(told, tls):
    told(tls)


def test_everything(told, tls, certificates):
    told(
        {
            "identities": [
                *tls["identities"],
                (certificates.encrypted.certfile, certificates.encrypted.keyfile, "correct horse", None, None, None),
                (
                    None,
                    None,
                    None,
                    None,
                    certificates.shop.certfile.read_text(),
                    certificates.shop.keyfile.read_bytes(),
                ),
            ],
            "verify": "required",
            "ca_file": certificates.ca_file,
            "crl_file": str(certificates.crl_file),
            "version_min": "1.2",
            "ciphers": "ECDHE-ECDSA-AES128-GCM-SHA256",
            "tickets": mmap.mmap(-1, _core.ticket_ring_bytes()),
            "watch_files": True,
            "kept": tls["identities"],
        }
    )


def test_none_is_nothing_given(told, tls):
    told({**tls, "ca_file": None, "crl_file": None, "ciphers": None, "tickets": None, "kept": None})


@pytest.mark.parametrize(
    ("changes", "kind", "part"),
    [
        ({"identities": None}, TypeError, "identities, a list of at least one"),
        ({"identities": []}, TypeError, "identities, a list of at least one"),
        ({"identities": ["a"]}, TypeError, "a tuple of six"),
        ({"identities": [("a", "b")]}, TypeError, "a tuple of six"),
        ({"identities": [(3, None, None, None, None, None)]}, TypeError, "int"),
        ({"identities": [("a", None, 3, None, None, None)]}, TypeError, "a password must be text, not int"),
        ({"identities": [(None, None, None, None, 3, None)]}, TypeError, "a certificate must be text, not int"),
        ({"identities": [(None,) * 6]}, ValueError, "either in a file or in memory"),
        ({"identities": [("a", None, None, None, "b", None)]}, ValueError, "either in a file or in memory"),
        ({"identities": [("a\0b", None, None, None, None, None)]}, ValueError, "null byte"),
        ({"identities": [("a", None, "b\0c", None, None, None)]}, ValueError, "NUL"),
        ({"identities": [("a", None, "\ud800", None, None, None)]}, UnicodeEncodeError, "surrogates"),
        ({"kept": []}, TypeError, "identities, a list of at least one"),
        ({"verify": "maybe"}, ValueError, "verify of tls cannot be 'maybe'"),
        ({"verify": None}, ValueError, "verify of tls cannot be None"),
        ({"version_min": 1.2}, ValueError, "version_min of tls cannot be 1.2"),
        ({"ca_file": 3}, TypeError, "int"),
        ({"ciphers": 3}, TypeError, "ciphers must be text, not int"),
        ({"tickets": b"x" * 65536}, BufferError, "writable"),
        ({"tickets": bytearray(8)}, ValueError, "tickets must be a buffer of"),
        ({"nonsense": 1}, ValueError, "tls has no entry 'nonsense'"),
        ({3: 1}, ValueError, "tls has no entry 3"),
    ],
)
def test_what_it_may_not_be(told, tls, changes, kind, part):
    with pytest.raises(kind) as caught:
        told({**tls, **changes})
    assert part in str(caught.value)


@pytest.mark.parametrize("tls", [3, [], "a"])
def test_it_is_a_dict(told, tls):
    with pytest.raises(TypeError, match="tls must be a dict"):
        told(tls)


def test_tickets_have_a_boundary(told, tls):
    memory = memoryview(mmap.mmap(-1, _core.ticket_ring_bytes() + 8))
    with pytest.raises(ValueError, match="on a boundary of 8"):
        told({**tls, "tickets": memory[1:]})


def test_what_cannot_be_used_is_one_sentence(certificates):
    mixed = (str(certificates.server.certfile), str(certificates.shop.keyfile), None, None, None, None)
    with pytest.raises(ValueError) as caught:
        _core.check_tls({"identities": [mixed]})
    assert str(certificates.shop.keyfile) in str(caught.value)


def test_a_worker_is_not_opened_with_it(certificates):
    mixed = (str(certificates.server.certfile), str(certificates.shop.keyfile), None, None, None, None)
    lines = []
    with listen() as listener, pytest.raises(ValueError):
        _core.Worker(
            plain(),
            interface="wsgi",
            binds=[bind_of(listener)],
            limits={},
            tls={"identities": [mixed]},
            log=lambda level, line: lines.append((level, line)),
        )
    ((level, line),) = lines
    assert level == 40
    assert str(certificates.shop.keyfile) in line


def test_the_memory_of_tickets_is_let_go_of(tls):
    with listen() as listener:
        memory = mmap.mmap(-1, _core.ticket_ring_bytes())
        settings = {"interface": "wsgi", "binds": [bind_of(listener)], "limits": {}}
        worker = _core.Worker(plain(), tls={**tls, "tickets": memory}, **settings)
        with pytest.raises(BufferError):
            memory.close()
        worker.close()
        memory.close()
