"""freastal/_cli.py: the command line, made from the fields of Config. Each mistake is one sentence and an exit code."""

from __future__ import annotations

import re
import socket
import sys

import pytest

import freastal
from freastal import __version__, _cli
from freastal.config import OPTIONS, Config
from tests.support.server import BASIC, run_command


@pytest.fixture
def parsed(monkeypatch, capsys):
    """What the command would serve for some arguments: the target and the Config."""

    def parse(*arguments: str):
        served = []
        monkeypatch.setattr("freastal._supervisor.supervise", lambda *given: served.append(given))
        assert _cli.run([*arguments, "m:a"]) == 0, capsys.readouterr().err
        ((target, config),) = served
        assert target == "m:a"
        return config

    return parse


@pytest.fixture
def complaint(capsys):
    """The one line that the command says of some arguments, with its exit code."""

    def complain(*arguments: str, code: int = 2) -> str:
        assert _cli.run(list(arguments)) == code
        said = capsys.readouterr()
        assert said.out == ""
        assert re.fullmatch(r"freastal: [^\n]+\n", said.err)
        return said.err[10:-1]

    return complain


def test_nothing_given_is_all_defaults(parsed):
    assert parsed() == Config()


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ("-b :1 --bind [::1]:2", {"bind": (":1", "[::1]:2")}),
        ("--host ::1 --port 0", {"host": "::1", "port": 0}),
        ("-w 4 --preload", {"workers": 4, "preload": True}),
        ("--limit-request-field_size 64k", {"limit_request_field_size": 65536}),
        ("--limit-request-field-size 64k", {"limit_request_field_size": 65536}),
        ("--max-body-size 10m --max-body-memory 0", {"max_body_size": 10 << 20, "max_body_memory": 0}),
        ("--keep-alive 0 --graceful-timeout 2.5", {"keep_alive": 0.0, "graceful_timeout": 2.5}),
        ("--no-server-header --no-date-header", {"server_header": False, "date_header": False}),
        ("--server-header", {"server_header": True}),
        ("--access-logfile - --log-file x", {"access_logfile": "-", "error_logfile": "x"}),
        ("-m 027 -p /run/x", {"umask": 0o27, "pid": "/run/x"}),
        ("--certfile a --certfile b --keyfile c --keyfile d", {"certfile": ("a", "b"), "keyfile": ("c", "d")}),
        ("--factory --app-dir x --chdir /", {"factory": True, "app_dir": "x", "chdir": "/"}),
    ],
)
def test_options(parsed, arguments, options):
    assert parsed(*arguments.split()) == Config(**options)


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_is_on_the_command_line(name):
    flag = _cli.flag_of(name)
    assert any(flag in parameter.opts for parameter in _cli._command().params)


def test_help_names_every_option_once(capsys):
    assert _cli.run(["--help"]) == 0
    said = capsys.readouterr().out
    for name, option in OPTIONS.items():
        flag = f"--no-{_cli.flag_of(name)[2:]}" if option.off_help else _cli.flag_of(name)
        assert len(re.findall(rf"^  (?:-\w, )?{flag}(?![\w-])", said, re.MULTILINE)) == 1
        assert f"{option.group}:\n" in said
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--workers x m:a", "--workers x: must be a whole number from 1 to 1024"),
        ("-w 0 m:a", "--workers 0: must be a whole number from 1 to 1024"),
        ("--keep-alive never m:a", "--keep-alive never: must be a number of seconds from 0 to 86400"),
        ("--io uring m:a", "--io uring: must be one of auto, uv"),
        ("--interface rsgi m:a", "--interface rsgi: must be one of auto, wsgi, asgi"),
        ("-b :1 --port 2 m:a", "--bind :1: says where to listen already; leave host and port out"),
        ("--umask 8 m:a", "--umask 8: must be an octal number from 0 to 777"),
        ("--reload-certs m:a", "--reload-certs: belongs to a certificate; name that with --certfile"),
    ],
)
def test_a_bad_value(complaint, arguments, said):
    assert complaint(*arguments.split()) == said


def test_mistakes_in_the_form(complaint):
    assert re.match("no such option:? '?--wokers'?.*--workers.*--help", complaint("--wokers", "3", "m:a"))
    assert "requires an argument" in complaint("m:a", "--workers")
    assert "m:c" in complaint("m:a", "m:c")
    assert complaint().startswith("which application? Name it as module:attribute")


def test_the_version(capsys):
    assert _cli.run(["--version"]) == 0
    assert re.fullmatch(
        rf"freastal {re.escape(__version__)} \(\w+ 3\.\d+\S*, .*libuv.*, \w+\)\n", capsys.readouterr().out
    )


def test_the_extension_cannot_be_loaded(complaint, monkeypatch):
    monkeypatch.delattr(freastal, "_core")
    monkeypatch.setitem(sys.modules, "freastal._core", None)
    said = complaint("--version", code=1)
    assert said.startswith("the compiled part cannot be loaded (")
    assert said.endswith("; install freastal for this Python again")


def test_checking_the_configuration():
    done = run_command("--check-config", BASIC, "-w", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{BASIC} is a WSGI application, and the configuration is valid\n"


@pytest.mark.parametrize("check", [(), ("--check-config",)])
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("no_such_module:app",), 2, "there is no module 'no_such_module'"),
        (("tests.support.apps.basic:appp",), 2, "did you mean tests.support.apps.basic:app?"),
        (("tests.support.apps.basic:TEXT",), 2, "it is of type tuple, which cannot be called"),
        (("tests/support/apps/basic.py",), 2, "name the module instead: tests.support.apps.basic:app"),
        ((BASIC, "--factory"), 3, "the factory 'tests.support.apps.basic:app' failed:"),
        ((BASIC, "--chdir", "/none"), 2, "--chdir /none: cannot be entered (No such file or directory)"),
        ((BASIC, "--app-dir", "/none"), 2, "there is no folder '/none'"),
        ((BASIC, "-b", "x:y"), 2, "--bind x:y: has the port 'y'"),
        ((BASIC, "--host", "a/b"), 2, "--host a/b: is not an address"),
    ],
)
def test_mistakes_end_with_a_sentence(check, arguments, code, said):
    done = run_command(*arguments, *check)
    assert done.returncode == code
    assert done.stderr.startswith("freastal: ")
    assert said in done.stderr
    assert code == 3 or done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("-b", "192.0.2.1:1"), 1, "cannot listen at 192.0.2.1:1: this machine has no such address"),
        (("-b", "unix:/none/x"), 1, "cannot listen at unix:/none/x: there is no such folder"),
        (("-b", "fd://99"), 1, "cannot listen at fd://99: descriptor 99 is not open"),
        (("--access-logfile", "/none/x"), 2, "--access-logfile /none/x: cannot be written (No such file or directory)"),
        (("--error-logfile", "/none/x"), 2, "--error-logfile /none/x: cannot be written"),
        (("--pid", "/none/x"), 2, "--pid /none/x: cannot be written"),
    ],
)
def test_what_only_serving_finds_out(arguments, code, said):
    done = run_command(BASIC, *(() if "-b" in arguments else ("-b", "127.0.0.1:0")), *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)
    assert done.stderr.startswith(f"freastal: {said}")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use(workers):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run_command(BASIC, "-w", workers, "-b", f"127.0.0.1:{taken.getsockname()[1]}")
    assert done.returncode == 1
    assert re.fullmatch(r"freastal: cannot listen at 127.0.0.1:\d+: it is in use already; .*--bind\n", done.stderr)


def test_the_start_up_line(launch):
    server = launch(BASIC)
    what = f"freastal {__version__} serving {BASIC} at {server.url} (1 worker, wsgi, pid {server.pid})"
    assert server.log.endswith(f" [{server.pid}] info: {what}\n")
    assert server.get().body == b"hello\n"
    assert server.stop() == 0


def test_app_dir_and_chdir(launch, tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "here.py").write_text("from tests.support.apps.basic import app\n")
    server = launch("here:app", "--chdir", str(tmp_path), "--app-dir", "inside", "--pid", "my.pid")
    assert server.get().status == 200
    assert (tmp_path / "my.pid").read_text() == f"{server.pid}\n"
