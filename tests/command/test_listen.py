"""freastal/_listen.py: from addresses to listening sockets, held by the process that starts the workers."""

from __future__ import annotations

import contextlib
import os
import socket
import stat

import pytest

from freastal._listen import Listeners
from freastal.config import Config
from freastal.errors import ConfigError, ListenError

LOCAL = "127.0.0.1"

HAS_IPV6 = False
with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
    probe.bind(("::1", 0))
    HAS_IPV6 = True

spreads = pytest.mark.skipif(os.uname().sysname != "Linux", reason="SO_REUSEPORT spreads connections on Linux")


def refusal(slots: int = 1, **options: object) -> str:
    with pytest.raises(ListenError) as caught:
        Listeners(Config(**options), slots)
    assert caught.value.exit_code == 1
    return str(caught.value)


def accepts(listeners: Listeners, slot: int = 0, entry: int = 0) -> bool:
    """Whether the next connection to that address arrives at the socket of that slot."""
    listener = listeners.entries[entry]
    family = socket.AF_UNIX if listener.is_unix else socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    with socket.socket(family) as client:
        client.connect(listener.host if listener.is_unix else (listener.host, listener.port))
        try:
            listener.socket_of(slot).accept()[0].close()
        except BlockingIOError:
            return False
        return True


def test_a_free_port_is_found_and_told():
    with Listeners(Config(port=0), 1) as listeners:
        (fd, host, port, is_unix) = listeners.core_binds(0)[0]
        assert (host, is_unix) == (LOCAL, False)
        assert port > 0
        assert listeners.urls == [f"http://{LOCAL}:{port}"]
        assert not os.get_inheritable(fd)
        assert not os.get_blocking(fd)
        assert accepts(listeners)


def test_a_name_is_resolved():
    with Listeners(Config(bind="localhost:0"), 1) as listeners:
        assert listeners.core_binds(0)[0][1] == LOCAL


@pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6")
def test_ipv6():
    with Listeners(Config(bind="[::1]:0"), 1) as listeners:
        assert listeners.urls[0].startswith("http://[::1]:")
        assert accepts(listeners)


@pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6")
def test_both_wildcards_of_one_port():
    with Listeners(Config(bind=":0"), 1) as first:
        port = first.entries[0].port
    with Listeners(Config(bind=[f"[::]:{port}", f":{port}"]), 2) as listeners:
        assert len(listeners.urls) == 2


def test_several_addresses():
    with Listeners(Config(bind=[f"{LOCAL}:0", f"{LOCAL}:0"]), 1) as listeners:
        assert len({bind[2] for bind in listeners.core_binds(0)}) == 2
        assert accepts(listeners, entry=0)
        assert accepts(listeners, entry=1)


@spreads
def test_each_slot_has_a_socket_on_the_same_port():
    with Listeners(Config(port=0), 3) as listeners:
        binds = [listeners.core_binds(slot)[0] for slot in range(3)]
        assert len({bind[0] for bind in binds}) == 3
        assert len({bind[2] for bind in binds}) == 1


@spreads
def test_a_worker_keeps_only_its_own_socket():
    with Listeners(Config(port=0), 3) as listeners:
        kept = listeners.core_binds(1)
        others = [listeners.core_binds(slot)[0][0] for slot in (0, 2)]
        listeners.keep_only(1)
        assert listeners.core_binds(1) == kept
        assert accepts(listeners, 1)
        for fd in others:
            with pytest.raises(OSError):
                os.fstat(fd)


@pytest.mark.parametrize("slots", [1, 3])
def test_a_port_in_use_is_refused_also_to_ourselves(slots):
    with Listeners(Config(port=0), slots) as listeners:
        port = listeners.entries[0].port
        for more in (1, 3):
            assert refusal(more, port=port) == (
                f"cannot listen at {LOCAL}:{port}: it is in use already; "
                "stop the other server or choose another address with --bind"
            )


def test_nothing_stays_open_when_one_address_fails():
    before = len(os.listdir("/dev/fd"))
    with Listeners(Config(port=0), 1) as listeners:
        taken = listeners.entries[0].port
        refusal(2, bind=[f"{LOCAL}:0", f"{LOCAL}:{taken}"])
    assert len(os.listdir("/dev/fd")) == before


def test_an_address_of_another_machine():
    assert "this machine has no such address" in refusal(bind="192.0.2.1:0")


def test_a_host_that_is_unknown():
    assert "the host is unknown" in refusal(bind="no-such-host.invalid:0")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up a privilege")
def test_an_address_that_needs_a_privilege(tmp_path):
    os.seteuid(65534)
    try:
        said = refusal(bind=f"unix:{tmp_path}/socket")
    finally:
        os.seteuid(0)
    assert said.endswith(
        "permission denied; choose a port above 1023, a folder that is writable, or run with the privilege"
    )


def test_a_unix_socket(tmp_path):
    path = str(tmp_path / "socket")
    with Listeners(Config(bind=f"unix:{path}"), 2) as listeners:
        assert listeners.urls == [f"unix:{path}"]
        assert listeners.core_binds(0) == listeners.core_binds(1)
        assert listeners.core_binds(0)[0][1:] == (path, 0, True)
        assert accepts(listeners)
    assert not os.path.exists(path)


@pytest.mark.parametrize(("umask", "mode"), [("077", 0o700), ("0", 0o777), ("117", 0o660)])
def test_the_mode_of_a_unix_socket(tmp_path, umask, mode):
    path = str(tmp_path / "socket")
    before = os.umask(0o022)
    try:
        with Listeners(Config(bind=f"unix:{path}", umask=umask), 1):
            assert stat.S_IMODE(os.stat(path).st_mode) == mode
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_a_stale_unix_socket_is_replaced(tmp_path):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    with Listeners(Config(bind=f"unix:{path}"), 1) as listeners:
        assert accepts(listeners)


def test_a_unix_socket_in_use_is_left_alone(tmp_path):
    path = str(tmp_path / "socket")
    with Listeners(Config(bind=f"unix:{path}"), 1) as listeners:
        assert "it is in use already" in refusal(bind=f"unix:{path}")
        assert accepts(listeners)


def test_a_file_is_not_replaced_by_a_socket(tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    assert "the file exists and is not a socket" in refusal(bind=f"unix:{path}")
    assert path.read_text() == "data"


def test_the_socket_of_a_successor_is_not_removed(tmp_path):
    path = str(tmp_path / "socket")
    with Listeners(Config(bind=f"unix:{path}"), 1):
        os.unlink(path)
        with socket.socket(socket.AF_UNIX) as successor:
            successor.bind(path)
    assert os.path.exists(path)


def test_a_folder_that_does_not_exist(tmp_path):
    assert "there is no such folder" in refusal(bind=f"unix:{tmp_path}/none/socket")


def test_a_path_that_is_too_long(tmp_path):
    assert "too long for a unix socket" in refusal(bind=f"unix:{tmp_path}/{'x' * 200}")


def test_an_inherited_descriptor():
    with socket.create_server((LOCAL, 0)) as inherited:
        fd = inherited.fileno()
        with Listeners(Config(bind=f"fd://{fd}"), 2) as listeners:
            assert listeners.urls == ["http://{}:{}".format(*inherited.getsockname())]
            assert listeners.core_binds(0) == listeners.core_binds(1)
            assert accepts(listeners)
        assert inherited.fileno() == fd
        os.fstat(fd)


def test_an_inherited_descriptor_that_does_not_listen_yet():
    with socket.socket() as bound:
        bound.bind((LOCAL, 0))
        with Listeners(Config(bind=f"fd://{bound.fileno()}"), 1) as listeners:
            assert accepts(listeners)


def test_descriptors_that_cannot_be_listened_at():
    assert "descriptor 999 is not open" in refusal(bind="fd://999")
    with open("/dev/null") as file:
        assert f"descriptor {file.fileno()} is not a socket" in refusal(bind=f"fd://{file.fileno()}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        assert "is not a TCP or unix stream socket" in refusal(bind=f"fd://{datagrams.fileno()}")


def test_a_redirect_comes_last_and_knows_where_to():
    with Listeners(Config(bind=f"{LOCAL}:0", tls_self_signed=True, redirect_http=f"{LOCAL}:0"), 2) as listeners:
        ordinary, redirect = listeners.core_binds(1)
        assert len(ordinary) == 4
        assert redirect[4] == ordinary[2] != redirect[2]
        assert listeners.urls == [f"https://{LOCAL}:{ordinary[2]}"]
        assert listeners.description == f"{listeners.urls[0]}, http://{LOCAL}:{redirect[2]} (leads there)"
        assert accepts(listeners, 1, entry=1) or accepts(listeners, 0, entry=1)


def test_a_redirect_needs_a_port_to_lead_to(tmp_path):
    before = len(os.listdir("/dev/fd"))
    unix = {"bind": f"unix:{tmp_path}/socket", "tls_self_signed": True}
    with pytest.raises(ConfigError) as caught:
        Listeners(Config(**unix, redirect_http=f"{LOCAL}:0"), 1)
    assert str(caught.value) == (
        f"redirect_http='{LOCAL}:0': has no port to send clients to; listen at host:port with --bind as well"
    )
    assert len(os.listdir("/dev/fd")) == before
    with Listeners(
        Config(bind=[unix["bind"], f"{LOCAL}:0"], tls_self_signed=True, redirect_http=f"{LOCAL}:0"), 1
    ) as both:
        assert both.core_binds(0)[2][4] == both.core_binds(0)[1][2]
