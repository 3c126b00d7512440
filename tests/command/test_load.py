"""freastal/_load.py: finding the application, and telling what it speaks."""

from __future__ import annotations

import functools
import inspect
import os
import sys

import pytest

from freastal._load import describe, detect_interface, enter_folder, load
from freastal.config import Config
from freastal.errors import BootError, ConfigError, LoadError

SITE = """
def application(environ, start_response): return ["application"]
def app(environ, start_response): return ["app"]
class holder:
    class inner:
        app = staticmethod(app)
def make(): return app
def make_none(): return None
def make_fail(): raise KeyError("no settings")
number = 5
async def asgi(scope, receive, send): ...
"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Writes a module, importable from a folder of its own only; load(target, **options) as the command would."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)

    def write(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    write("site_under_test.py", SITE)

    def load_from_here(target: object, **options: object):
        return load(target, Config(app_dir=str(tmp_path), **options))

    load_from_here.write = write
    yield load_from_here
    for name in set(sys.modules) - before:
        del sys.modules[name]


def refusal(site, target: object, **options: object) -> str:
    with pytest.raises(LoadError) as caught:
        site(target, **options)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_module_and_attribute(site):
    application, interface = site("site_under_test:app")
    assert (application(None, None), interface) == (["app"], "wsgi")


def test_an_attribute_of_an_attribute(site):
    assert site("site_under_test:holder.inner.app")[0](None, None) == ["app"]


def test_the_usual_name_when_none_is_given(site):
    assert site("site_under_test")[0](None, None) == ["application"]
    site.write("only_app.py", "def app(environ, start_response): ...")
    assert site("only_app")[0].__name__ == "app"


def test_a_module_in_a_package(site):
    site.write("pack_under_test/__init__.py", "")
    site.write("pack_under_test/wsgi.py", SITE)
    assert site("pack_under_test.wsgi:app")[1] == "wsgi"


def test_an_application_that_is_given(site):
    def mine(environ, start_response): ...

    assert site(mine) == (mine, "wsgi")


def test_a_factory(site):
    assert site("site_under_test:make", factory=True)[0](None, None) == ["app"]


def test_there_is_no_module(site):
    said = refusal(site, "nowhere_to_be_found:app")
    assert said.startswith("there is no module 'nowhere_to_be_found' for 'nowhere_to_be_found:app' in /")
    assert "--app-dir" in said


def test_there_is_no_module_in_the_package(site):
    site.write("pack_under_test/__init__.py", "")
    assert "no module 'pack_under_test.wsgi'" in refusal(site, "pack_under_test.wsgi:app")


def test_there_is_no_attribute(site):
    said = refusal(site, "site_under_test:ap")
    assert said == "module 'site_under_test' has no attribute 'ap'; did you mean site_under_test:app?"
    assert refusal(site, "site_under_test:xyzzy").endswith("correct the name after the colon")
    assert "'deeper' is not an attribute of type" in refusal(site, "site_under_test:holder.deeper")


def test_no_attribute_is_given_and_none_is_usual(site):
    site.write("neither.py", "")
    assert "write neither:NAME with the name of the application" in refusal(site, "neither")


def test_it_cannot_be_called(site):
    assert "it is of type int, which cannot be called" in refusal(site, "site_under_test:number")


def test_a_file_instead_of_a_module(site):
    assert refusal(site, "sites/my.py:app").endswith("name the module instead: sites.my:app")
    assert refusal(site, "./my.py").endswith("name the module instead: my:app")


@pytest.mark.parametrize("target", ["", ":app", "a-b:app", "a..b:app", "a b:app", "a:b c", "a:1"])
def test_not_spelled_as_a_target(site, target):
    assert "write module:attribute" in refusal(site, target)


def test_a_call_is_a_factory(site):
    assert "write --factory site_under_test:make" in refusal(site, "site_under_test:make()")
    assert "add --factory" in refusal(site, "site_under_test:make")


def test_a_factory_that_makes_nothing(site):
    assert "of type NoneType" in refusal(site, "site_under_test:make_none", factory=True)
    assert "leave --factory out" in refusal(site, "site_under_test:number", factory=True)


def test_an_asgi_application(site):
    application, interface = site("site_under_test:asgi")
    assert (application.__name__, interface) == ("asgi", "asgi")
    assert site("site_under_test:asgi", interface="asgi") == (application, "asgi")


def test_what_asgi_cannot_call(site):
    said = refusal(site, "site_under_test:app", interface="asgi")
    assert said.startswith("'site_under_test:app' cannot be called with the three arguments of ASGI, scope, receive ")
    site.write("short.py", "async def app(request): ...")
    assert "cannot be called with the three arguments of ASGI" in refusal(site, "short:app")


def test_an_application_of_asgi_2(site):
    site.write(
        "second.py",
        "class App:\n"
        "    def __init__(self, scope):\n"
        "        self.scope = scope\n"
        "    async def __call__(self, receive, send):\n"
        "        await send((self.scope, await receive()))\n",
    )
    application, interface = site("second:App")
    assert interface == "asgi"
    sent = []

    async def receive():
        return "message"

    async def send(message):
        sent.append(message)

    asgi = {"version": "3.0", "spec_version": "2.5"}
    with pytest.raises(StopIteration):
        application({"type": "http", "asgi": asgi}, receive, send).send(None)
    assert sent == [({"type": "http", "asgi": {"version": "2.0", "spec_version": "2.5"}}, "message")]
    assert asgi["version"] == "3.0"


def test_the_user_knows_better(site):
    assert site("site_under_test:asgi", interface="wsgi")[1] == "wsgi"


def test_the_folder_does_not_exist():
    with pytest.raises(LoadError, match="there is no folder '/none' to import"):
        load("x:y", Config(app_dir="/none"))


def test_a_failure_of_the_module_is_shown_from_its_own_frame(site):
    site.write("broken_here.py", "import broken_there\n")
    site.write("broken_there.py", "def work():\n    return {}['key']\nwork()\n")
    with pytest.raises(BootError) as caught:
        site("broken_here:app")
    lines = str(caught.value).splitlines()
    assert lines[:2] == ["importing 'broken_here' failed:", "Traceback (most recent call last):"]
    assert "broken_here.py" in lines[2]
    assert lines[-1] == "KeyError: 'key'"
    assert "_load.py" not in str(caught.value)
    assert "importlib" not in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("import missing_dependency\n", "ModuleNotFoundError: No module named 'missing_dependency'"),
        ("def f(:\n", "SyntaxError: invalid syntax"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
    ],
)
def test_other_failures_of_the_module(site, text, end):
    site.write("broken_too.py", text)
    with pytest.raises(BootError) as caught:
        site("broken_too:app")
    assert str(caught.value).endswith(end)
    assert "broken_too.py" in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up a privilege")
def test_a_module_that_cannot_be_read(site, tmp_path):
    site.write("unreadable.py", SITE)
    (tmp_path / "unreadable.py").chmod(0)
    for folder in [tmp_path, *tmp_path.parents[:-2]]:
        folder.chmod(0o755)
    os.seteuid(65534)
    try:
        said = refusal(site, "unreadable:app")
    finally:
        os.seteuid(0)
    assert said.startswith("module 'unreadable' cannot be read (Permission denied: /")


def test_a_failure_of_the_factory(site):
    with pytest.raises(BootError, match="the factory 'site_under_test:make_fail' failed:") as caught:
        site("site_under_test:make_fail", factory=True)
    assert str(caught.value).endswith("KeyError: 'no settings'")
    assert "_load.py" not in str(caught.value)


def two(environ, start_response): ...


def three(scope, receive, send): ...


def one(scope): ...


def four(a, b, c, d): ...


def none(): ...


def any_number(*args): ...


def two_and_a_default(environ, start_response, more=None): ...


async def coroutine(scope, receive, send): ...


async def coroutine_of_two(environ, start_response): ...


class Callable:
    def __call__(self, environ, start_response): ...


class CoroutineCallable:
    async def __call__(self, scope, receive, send): ...


class Iterable:
    def __init__(self, environ, start_response): ...


class OldAsgi:
    def __init__(self, scope): ...

    async def __call__(self, receive, send): ...


class Awaitable:
    def __init__(self, scope, receive, send): ...

    def __await__(self): ...


class Marked:
    _is_coroutine = object()

    def __call__(self, *args): ...


@pytest.mark.parametrize(
    ("application", "interface"),
    [
        (two, "wsgi"),
        (any_number, "wsgi"),
        (two_and_a_default, "wsgi"),
        (Callable(), "wsgi"),
        (Callable().__call__, "wsgi"),
        (Iterable, "wsgi"),
        (functools.partial(three, None), "wsgi"),
        (dict.update, "wsgi"),
        (three, "asgi"),
        (one, "asgi"),
        (coroutine, "asgi"),
        (coroutine_of_two, "asgi"),
        (functools.partial(coroutine, None), "asgi"),
        (CoroutineCallable(), "asgi"),
        (CoroutineCallable().__call__, "asgi"),
        (OldAsgi, "asgi"),
        (Awaitable, "asgi"),
        (Marked(), "asgi"),
        (none, "factory"),
        (Callable, "factory"),
        (four, ""),
    ],
    ids=lambda value: getattr(value, "__qualname__", None) or str(value)[:20],
)
def test_interfaces(application, interface):
    assert detect_interface(application) == interface


@pytest.mark.skipif(not hasattr(inspect, "markcoroutinefunction"), reason="since Python 3.12")
def test_a_marked_function_is_asgi():
    assert detect_interface(inspect.markcoroutinefunction(lambda *args: None)) == "asgi"


def test_neither_interface(site):
    assert "cannot be called with the two arguments of WSGI" in refusal(site, four)


def test_a_given_application_has_a_name():
    assert describe(two) == f"{__name__}:two"
    assert describe(Callable()) == f"{__name__}:Callable"


def test_entering_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    enter_folder(Config(chdir=str(tmp_path)))
    assert str(tmp_path.resolve()) == os.getcwd()
    with pytest.raises(ConfigError, match="name a folder that exists") as caught:
        enter_folder(Config(chdir="none"))
    assert caught.value.option == "chdir"
