"""The public names. A change here is a change for users: it belongs into CHANGELOG.md."""

from __future__ import annotations

import ast
import sys

import freastal
import freastal._core
from tests.style.house import PACKAGE

PUBLIC = {"Config", "EventLoop", "Server", "__version__", "new_event_loop", "serve", "serve_asgi"}
if sys.version_info < (3, 14):
    PUBLIC |= {"EventLoopPolicy"}


def test_the_public_names() -> None:
    assert set(freastal.__all__) == PUBLIC
    assert set(dir(freastal)) == PUBLIC
    for name in PUBLIC:
        assert getattr(freastal, name) is not None


def stub_names(body: list[ast.stmt]) -> set[str]:
    """What a stub defines at one level."""
    names = set()
    for node in body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
    return names


def public_names(thing: object) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


def test_the_stub_of_the_core_is_what_the_core_has() -> None:
    stub = ast.parse((PACKAGE / "_core.pyi").read_text())
    assert stub_names(stub.body) == public_names(freastal._core)
    for name in ("EventLoop", "Worker"):
        stubbed = next(node for node in stub.body if isinstance(node, ast.ClassDef) and node.name == name)
        public = {name for name in stub_names(stubbed.body) if not name.startswith("_")}
        assert public == public_names(getattr(freastal._core, name))
