"""freastal/_bind.py: addresses as text."""

from __future__ import annotations

import pytest

from freastal._bind import parse_bind, parse_binds, parse_redirect, url_of
from freastal.config import Config
from freastal.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:80", "127.0.0.1", 80),
        ("localhost:0", "localhost", 0),
        (":8000", "0.0.0.0", 8000),
        ("example.org", "example.org", 8000),
        ("[::1]:65535", "::1", 65535),
        ("[::]", "::", 8000),
    ],
)
def test_a_tcp_address(text, host, port):
    bind = parse_bind(text)
    assert (bind.host, bind.port, bind.path, bind.fd) == (host, port, "", -1)


@pytest.mark.parametrize(("text", "path"), [("unix:/run/a b", "/run/a b"), ("unix:x", "x"), ("unix:///x", "/x")])
def test_a_unix_address(text, path):
    bind = parse_bind(text)
    assert (bind.host, bind.path, bind.fd) == (None, path, -1)


def test_an_inherited_descriptor():
    bind = parse_bind("fd://3")
    assert (bind.host, bind.path, bind.fd) == (None, "", 3)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("", "must be host:port"),
        ("80", "for a port of every address write :80"),
        ("a:", "has the port ''"),
        ("a:x", "has the port 'x'"),
        ("a:-1", "has the port '-1'"),
        ("a:65536", "it must be a number from 0 to 65535"),
        ("a:٣", "it must be a number from 0 to 65535"),
        ("::1", r"put it in brackets, as in \[::1\]:8000"),
        ("[::1", "must be"),
        ("[]:1", "must be"),
        ("[::1]80", "must be"),
        ("[::1]:", "has the port ''"),
        ("unix:", "names no path"),
        ("unix://", "names no path"),
        ("/run/x", "unix:PATH for a unix socket"),
        ("http://a:1", "is not an address"),
        ("fd://x", "as in fd://3"),
        ("fd://-1", "as in fd://3"),
        ("fd://", "as in fd://3"),
    ],
)
def test_no_address(text, remedy):
    with pytest.raises(ValueError, match=remedy):
        parse_bind(text)


def test_the_option_that_is_wrong_is_named():
    with pytest.raises(ConfigError) as caught:
        parse_binds(Config(bind=["a:1", "a:x"]))
    assert (caught.value.option, caught.value.value) == ("bind", "a:x")
    with pytest.raises(ConfigError) as caught:
        parse_binds(Config(host="a/b"))
    assert caught.value.option == "host"


def test_urls():
    assert url_of("127.0.0.1", 80, False) == "http://127.0.0.1:80"
    assert url_of("::1", 80, False) == "http://[::1]:80"
    assert url_of("/run/x", 0, True) == "unix:/run/x"
    assert url_of("::1", 443, False, "https") == "https://[::1]:443"


def test_where_clients_are_sent_to_https_from():
    assert parse_redirect(Config()) is None
    redirect = parse_redirect(Config(tls_self_signed=True, redirect_http=":80"))
    assert redirect is not None
    assert (redirect.host, redirect.port) == ("0.0.0.0", 80)
    with pytest.raises(ConfigError) as caught:
        parse_redirect(Config(tls_self_signed=True, redirect_http="http://a"))
    assert str(caught.value).startswith("redirect_http='http://a': is not an address")
