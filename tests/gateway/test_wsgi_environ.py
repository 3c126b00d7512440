"""environ: what is in it, and how the request head becomes it (PEP 3333, "environ Variables")."""

from __future__ import annotations

import contextlib
import io
import socket
import sys

import pytest

from tests.gateway.gateway import Recorder, listen


@pytest.fixture
def recorder():
    return Recorder()


@pytest.mark.each_http
def test_environ_is_a_plain_dict(gateway, recorder):
    assert type(recorder.seen(gateway(recorder))) is dict


@pytest.mark.each_http
def test_environ_may_be_changed_without_harm_to_the_next(gateway, recorder):
    server = gateway(recorder)
    first = recorder.seen(server)
    first.clear()
    second = recorder.seen(server)
    assert second["REQUEST_METHOD"] == "GET"
    assert second["wsgi.version"] == (1, 0)


@pytest.mark.each_http
def test_constants(gateway, recorder):
    environ = recorder.seen(gateway(recorder))
    assert environ["wsgi.version"] == (1, 0)
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["wsgi.multithread"] is False
    assert environ["wsgi.multiprocess"] is False
    assert environ["wsgi.run_once"] is False
    assert environ["wsgi.input_terminated"] is True
    assert environ["SERVER_SOFTWARE"].startswith("freastal")
    assert environ["SCRIPT_NAME"] == ""


@pytest.mark.each_http
def test_options_are_passed_on(gateway, recorder):
    environ = recorder.seen(gateway(recorder, url_scheme="https", multithread=True, multiprocess=True))
    assert environ["wsgi.url_scheme"] == "https"
    assert environ["wsgi.multithread"] is True
    assert environ["wsgi.multiprocess"] is True


@pytest.mark.each_http
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "get"])
def test_request_method(gateway, recorder, method):
    assert recorder.seen(gateway(recorder), method=method)["REQUEST_METHOD"] == method


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_server_protocol(gateway, recorder, version):
    environ = recorder.seen_raw(gateway(recorder), f"GET / {version}\r\nHost: a\r\n\r\n")
    assert environ["SERVER_PROTOCOL"] == version


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", ""),
        ("/a/b", "/a/b", ""),
        ("/?", "/", ""),
        ("/a?b=c&d=%20+?x", "/a", "b=c&d=%20+?x"),
        ("/a%20b%2Fc", "/a b/c", ""),
        ("/%C3%A4", "/\xc3\xa4", ""),
        ("/%e4", "/\xe4", ""),
        ("/100%", "/100%", ""),
        ("/%zz%4", "/%zz%4", ""),
        ("/a;p=1/b", "/a;p=1/b", ""),
        ("//a//b", "//a//b", ""),
        ("/a/../b", "/a/../b", ""),
        ("/%00", "/\0", ""),
        ("http://a/b?c", "/b", "c"),
        ("http://a", "/", ""),
        ("/" + "x%41" * 500, "/" + "xA" * 500, ""),
    ],
)
def test_target(gateway, recorder, target, path, query):
    environ = recorder.seen_raw(gateway(recorder), f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
    assert environ["PATH_INFO"] == path
    assert environ["QUERY_STRING"] == query
    assert environ["RAW_URI"] == environ["REQUEST_URI"] == target


def test_bytes_above_127_in_the_target_are_code_points(gateway, recorder):
    environ = recorder.seen_raw(gateway(recorder), b"GET /\xc3\xa4?\xe4 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert environ["PATH_INFO"].encode("latin-1").decode("utf-8") == "/\xe4"
    assert environ["QUERY_STRING"] == "\xe4"


def test_asterisk(gateway, recorder):
    environ = recorder.seen_raw(gateway(recorder), "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (environ["PATH_INFO"], environ["RAW_URI"]) == ("*", "*")


@pytest.mark.each_http
@pytest.mark.parametrize(
    ("root", "target", "script", "path"),
    [
        ("/app", "/app/x", "/app", "/x"),
        ("/app", "/app", "/app", ""),
        ("/app", "/app/", "/app", "/"),
        ("/app", "/apples", "/app", "/apples"),
        ("/app", "/other", "/app", "/other"),
        ("/app/", "/app/x", "/app", "/x"),
        ("/", "/x", "", "/x"),
        ("/\xe4", "/%C3%A4/x", "/\xc3\xa4", "/x"),
        ("/a", "/%61/x", "/a", "/x"),
    ],
)
def test_root_path(gateway, recorder, root, target, script, path):
    environ = recorder.seen(gateway(recorder, root_path=root), target)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (script, path)
    assert environ["RAW_URI"] == target


def test_server_and_remote(gateway, recorder):
    server = gateway(recorder)
    with server.connect() as connection:
        own = connection.getsockname()
        connection.sendall(b"GET / HTTP/1.1\r\nHost: elsewhere:1\r\n\r\n")
        assert connection.recv(100)
    environ = recorder.environs[-1]
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == (server.host, str(server.port))
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == (own[0], str(own[1]))


@pytest.mark.each_http
def test_ipv6(gateway, recorder):
    try:
        listener = listen(socket.AF_INET6, ("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    environ = recorder.seen(gateway(recorder, listener=listener))
    assert (environ["SERVER_NAME"], environ["REMOTE_ADDR"]) == ("::1", "::1")


@pytest.mark.each_http
def test_unix_socket(gateway, recorder, tmp_path):
    environ = recorder.seen(gateway(recorder, listener=listen(socket.AF_UNIX, str(tmp_path / "s"))))
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("localhost", "80")
    assert environ["REMOTE_ADDR"] == ""
    assert "REMOTE_PORT" not in environ


@pytest.mark.each_http
def test_unix_socket_behind_a_secure_proxy(gateway, recorder, tmp_path):
    listener = listen(socket.AF_UNIX, str(tmp_path / "s"))
    assert recorder.seen(gateway(recorder, listener=listener, url_scheme="https"))["SERVER_PORT"] == "443"


@pytest.mark.each_http
def test_each_listener_has_its_own_name(gateway, recorder):
    first, second = listen(), listen(address=("127.0.0.2", 0))
    binds = [(s.fileno(), *s.getsockname(), False) for s in (first, second)]
    server = gateway(recorder, listener=first, binds=binds)
    for listener in (first, second, first):
        server.host, server.port = listener.getsockname()
        environ = recorder.seen(server)
        assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == (server.host, str(server.port))
    second.close()


# ---- fields ----


def seen_fields(gateway, recorder, *lines):
    head = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    return recorder.seen_raw(gateway(recorder), head)


@pytest.mark.parametrize("head", [b"HTTP/1.1\r\nHost: b:1", b"HTTP/1.0\r\nHost: b", b"HTTP/1.0\r\nX: y"])
def test_an_absolute_target_goes_before_host(gateway, recorder, head):
    """RFC 9112 section 3.2.2: whoever routed by the target must not be overruled by a field."""
    environ = recorder.seen_raw(gateway(recorder), b"GET http://a:8080/p " + head + b"\r\n\r\n")
    assert (environ["HTTP_HOST"], environ["PATH_INFO"]) == ("a:8080", "/p")


def test_known_and_unknown_fields(gateway, recorder):
    environ = seen_fields(gateway, recorder, b"User-Agent: x", b"aCCept: */*", b"X-Some-Thing: 1", b"x.y~z: 2")
    assert environ["HTTP_HOST"] == "a"
    assert environ["HTTP_USER_AGENT"] == "x"
    assert environ["HTTP_ACCEPT"] == "*/*"
    assert environ["HTTP_X_SOME_THING"] == "1"
    assert environ["HTTP_X.Y~Z"] == "2"


def test_values_are_latin_1(gateway, recorder):
    environ = seen_fields(gateway, recorder, b"User-Agent: \xe4\xff", b"X-Y: \xc3\xa4")
    assert environ["HTTP_USER_AGENT"] == "\xe4\xff"
    assert environ["HTTP_X_Y"] == "\xc3\xa4"


def test_empty_and_padded_values(gateway, recorder):
    environ = seen_fields(gateway, recorder, b"Accept:", b"X-Y: \t a b \t", b"Referer:x")
    assert (environ["HTTP_ACCEPT"], environ["HTTP_X_Y"], environ["HTTP_REFERER"]) == ("", "a b", "x")


def test_repeated_fields_are_joined(gateway, recorder):
    environ = seen_fields(
        gateway, recorder, b"Accept: a", b"X-Y: 1", b"accept: b", b"x-y: 2", b"X-Y: 2", b"Cookie: c=1", b"Cookie: d=2"
    )
    assert environ["HTTP_ACCEPT"] == "a,b"
    assert environ["HTTP_X_Y"] == "1,2,2"
    assert environ["HTTP_COOKIE"] == "c=1; d=2"


def test_names_with_underscores_are_dropped(gateway, recorder):
    environ = seen_fields(gateway, recorder, b"X_Forwarded_For: evil", b"X-Forwarded-For: good", b"Content_Length: 9")
    assert environ["HTTP_X_FORWARDED_FOR"] == "good"
    assert "CONTENT_LENGTH" not in environ
    assert "HTTP_CONTENT_LENGTH" not in environ


def test_long_names_and_values(gateway, recorder):
    name, value = b"X-" + b"a" * 1000, b"v" * 5000
    environ = seen_fields(gateway, recorder, name + b": " + value)
    assert environ["HTTP_X_" + "A" * 1000] == value.decode()


@pytest.mark.each_http
def test_content_type_and_length_have_no_prefix(gateway, recorder):
    environ = recorder.seen(gateway(recorder), method="POST", body=b"abc", headers={"Content-Type": "text/x"})
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("text/x", "3")
    assert "HTTP_CONTENT_TYPE" not in environ
    assert "HTTP_CONTENT_LENGTH" not in environ


def test_content_length_repeated_with_the_same_number(gateway, recorder):
    server = gateway(recorder)
    raw = server.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx")
    if raw.read_head().startswith("HTTP/1.1 200"):  # the parser may also refuse it
        assert recorder.environs[-1]["CONTENT_LENGTH"] == "1"


@pytest.mark.each_http
def test_without_body_there_is_neither(gateway, recorder):
    environ = recorder.seen(gateway(recorder))
    assert "CONTENT_TYPE" not in environ
    assert "CONTENT_LENGTH" not in environ


def test_a_chunked_body_has_the_length_that_arrived(gateway, recorder):
    server = gateway(recorder)
    raw = server.send(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    raw.read_head()
    environ = recorder.environs[-1]
    assert environ["CONTENT_LENGTH"] == "5"
    assert "HTTP_TRANSFER_ENCODING" not in environ
    assert environ["wsgi.input"].read() == b"abcde"


def test_an_empty_chunked_body(gateway, recorder):
    server = gateway(recorder)
    server.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").read_head()
    environ = recorder.environs[-1]
    assert environ["CONTENT_LENGTH"] == "0"
    assert environ["wsgi.input"].read() == b""


@pytest.mark.each_http
def test_all_values_of_cgi_variables_are_native_strings(gateway, recorder):
    environ = recorder.seen(gateway(recorder), "/x?y", headers={"A": "b"})
    assert all(type(key) is str for key in environ)
    assert all(type(value) is str for key, value in environ.items() if not key.startswith("wsgi."))


def test_many_fields(gateway, recorder):
    lines = [b"X-%d: %d" % (i, i) for i in range(90)]
    environ = seen_fields(gateway, recorder, *lines)
    assert all(environ[f"HTTP_X_{i}"] == str(i) for i in range(90))


# ---- wsgi.errors ----


@pytest.mark.each_http
def test_errors_is_the_standard_error_of_the_moment(gateway, recorder):
    server = gateway(recorder)
    assert recorder.seen(server)["wsgi.errors"] is sys.stderr
    with contextlib.redirect_stderr(io.StringIO()) as other:
        assert recorder.seen(server)["wsgi.errors"] is other
    assert recorder.seen(server)["wsgi.errors"] is sys.stderr


@pytest.mark.each_http
def test_errors_without_standard_error_goes_nowhere(gateway, recorder, monkeypatch):
    server = gateway(recorder)
    monkeypatch.setattr(sys, "stderr", None)
    errors = recorder.seen(server)["wsgi.errors"]
    errors.write("text")
    errors.writelines(["more"])
    errors.flush()
    assert recorder.seen(server)["wsgi.errors"] is errors
