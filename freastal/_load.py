""" "package.module:attribute" -> the application, and which interface it speaks.

A user's mistake becomes a LoadError of one sentence. An exception that the application's own module raises is a
BootError whose traceback begins at that module, not in here.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from ._log import traceback_text
from .config import Config
from .errors import BootError, ConfigError, LoadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

_USUAL_NAMES = ("application", "app")
_HERE = os.path.dirname(os.path.abspath(__file__))


def load(target: object, config: Config) -> tuple[Callable[..., Any], str]:
    """The application that `target` names, or is, with its interface ("wsgi" or "asgi")."""
    name = target if isinstance(target, str) else describe(target)
    found = import_target(target, config.app_dir) if isinstance(target, str) else target
    if config.factory:
        found = _make(found, name)
    return _checked(found, name, config.interface)


def enter_folder(config: Config) -> None:
    """Does what --chdir says, before anything else is looked for."""
    if config.chdir:
        try:
            os.chdir(config.chdir)
        except OSError as error:
            problem = f"cannot be entered ({error.strerror}); name a folder that exists"
            raise ConfigError("chdir", config.chdir, problem) from None


def import_target(target: str, app_dir: str) -> object:
    """What "module:attribute" names. Without an attribute: application, or else app."""
    module_name, _, attribute = target.partition(":")
    _check_spelling(target, module_name, attribute)
    folder = os.path.abspath(app_dir)
    if not os.path.isdir(folder):
        raise LoadError(f"there is no folder {app_dir!r} to import the application from; correct --app-dir")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module = _import(target, module_name, folder)
    if not attribute:
        attribute = next((name for name in _USUAL_NAMES if hasattr(module, name)), _USUAL_NAMES[0])
    found: object = module
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise LoadError(_missing_attribute(target, module_name, attribute, part, found)) from None
    return found


def _check_spelling(target: str, module_name: str, attribute: str) -> None:
    if "/" in module_name or module_name.endswith(".py"):
        dotted = module_name.removesuffix(".py").strip("./").replace("/", ".")
        raise LoadError(f"{target!r} is a file; name the module instead: {dotted}:{attribute or 'app'}")
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise LoadError(
            f"{target!r} does not name an application; write module:attribute, as in mysite.wsgi:application"
        )
    if attribute.endswith(")"):
        function = attribute.partition("(")[0]
        raise LoadError(f"{target!r} is a call; to serve what it returns write --factory {module_name}:{function}")
    if attribute and not all(part.isidentifier() for part in attribute.split(".")):
        raise LoadError(f"{target!r} has no valid attribute after the colon; write module:attribute")


def _import(target: str, module_name: str, folder: str) -> object:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module_name == missing or module_name.startswith(f"{missing}."):
            raise LoadError(
                f"there is no module {missing!r} for {target!r} in {folder} or installed; "
                "correct the name, or say where it is with --app-dir"
            ) from None
        raise _failure(f"importing {module_name!r} failed", error) from error
    except (Exception, SystemExit) as error:
        if isinstance(error, OSError) and _first_frame(error) is None:
            reason = f"{error.strerror}: {error.filename}"
            raise LoadError(
                f"module {module_name!r} cannot be read ({reason}); correct the file's permissions"
            ) from None
        raise _failure(f"importing {module_name!r} failed", error) from error


def _make(factory: object, name: str) -> object:
    if not callable(factory):
        raise LoadError(f"{name!r} is not a function that returns an application; leave --factory out")
    try:
        return factory()
    except (Exception, SystemExit) as error:
        raise _failure(f"the factory {name!r} failed", error) from error


def _checked(found: object, name: str, interface: str) -> tuple[Callable[..., Any], str]:
    if not callable(found):
        kind = type(found).__name__
        raise LoadError(f"{name!r} is not an application: it is of type {kind}, which cannot be called")
    if interface == "auto":
        interface = detect_interface(found)
    if interface == "asgi":
        return _as_asgi_3(found, name), interface
    if interface == "factory":
        raise LoadError(f"{name!r} takes no arguments; if it returns the application, add --factory")
    if interface != "wsgi":
        raise LoadError(
            f"{name!r} cannot be called with the two arguments of WSGI, environ and start_response, nor with the "
            "three of ASGI; give an application, or say with --interface what it is"
        )
    return found, interface


def _as_asgi_3(found: Callable[..., Any], name: str) -> Callable[..., Any]:
    """What can be called with scope, receive and send. Version 2 took the scope alone, and gave what takes the rest."""
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return found
    if _takes(signature, 3):
        return found
    if _takes(signature, 1) and not _is_coroutine_function(found):
        return _AsgiTwo(found)
    raise LoadError(
        f"{name!r} cannot be called with the three arguments of ASGI, scope, receive and send; "
        "give an application, or --interface wsgi if it is one"
    )


class _AsgiTwo:
    """An application of ASGI 2 as one of ASGI 3."""

    def __init__(self, application: Callable[[Any], Callable[[Any, Any], Awaitable[None]]]) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: object, send: object) -> None:
        scope["asgi"] = {**scope["asgi"], "version": "2.0"}
        await self._application(scope)(receive, send)


def detect_interface(application: Callable[..., Any]) -> str:
    """wsgi or asgi; factory for what takes no arguments; empty when it is none of these.

    Coroutine functions are ASGI, also where only a marker says so (asgiref, inspect.markcoroutinefunction), and so
    is what takes three arguments or, in its version 2, one. A callable that hides its arguments is taken for WSGI.
    """
    if inspect.isclass(application):
        if hasattr(application, "__await__"):
            return "asgi"
    elif _is_coroutine_function(application) or _is_coroutine_function(type(application).__call__):
        return "asgi"
    try:
        signature = inspect.signature(application)
    except (TypeError, ValueError):
        return "wsgi"
    for count, interface in ((2, "wsgi"), (3, "asgi"), (0, "factory"), (1, "asgi")):
        if _takes(signature, count):
            return interface
    return ""


def _is_coroutine_function(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or bool(getattr(function, "_is_coroutine", None))


def _takes(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True


def _failure(what: str, error: BaseException) -> BootError:
    """A BootError that carries the traceback from the first frame on that is the application's."""
    text = traceback_text(error.with_traceback(_first_frame(error)))
    return BootError(f"{what}:\n{text.rstrip()}")


def _first_frame(error: BaseException) -> TracebackType | None:
    """The first one that is not the import system's or ours; None when all are."""
    frame = error.__traceback__
    while frame is not None and _is_scaffolding(frame.tb_frame.f_code.co_filename):
        frame = frame.tb_next
    return frame


def _is_scaffolding(filename: str) -> bool:
    return filename.startswith(("<frozen importlib", _HERE)) or filename == importlib.__file__


def _missing_attribute(target: str, module_name: str, attribute: str, part: str, found: object) -> str:
    if inspect.ismodule(found):
        from difflib import get_close_matches

        near = get_close_matches(part, [name for name in vars(found) if not name.startswith("_")], n=1)
        hint = f"did you mean {module_name}:{near[0]}?" if near else "correct the name after the colon"
        if ":" not in target:
            hint = f"write {module_name}:NAME with the name of the application"
        return f"module {module_name!r} has no attribute {part!r}; {hint}"
    return f"{part!r} is not an attribute of {type(found).__name__} in {module_name}:{attribute}; correct the name"


def describe(application: object) -> str:
    """A name for an application that was given as an object."""
    holder = application if hasattr(application, "__qualname__") else type(application)
    return f"{holder.__module__}:{holder.__qualname__}"
