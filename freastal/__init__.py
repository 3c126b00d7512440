"""freastal: an application server for Python. The public names, and nothing else.

They are imported when first used, so that a part of the package can be imported without the rest.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._event_loop import EventLoop, new_event_loop
    from .config import Config
    from .server import Server, serve, serve_asgi

__version__ = "0.1.0"
__all__ = ["Config", "EventLoop", "Server", "__version__", "new_event_loop", "serve", "serve_asgi"]

_HOMES = {
    "Config": "config",
    "EventLoop": "_event_loop",
    "Server": "server",
    "new_event_loop": "_event_loop",
    "serve": "server",
    "serve_asgi": "server",
}

if sys.version_info < (3, 14):  # from there on policies are deprecated
    if TYPE_CHECKING:
        from ._event_loop import EventLoopPolicy
    __all__ += ["EventLoopPolicy"]
    _HOMES["EventLoopPolicy"] = "_event_loop"


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'freastal' has no attribute {name!r}")
    from importlib import import_module

    globals()[name] = found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
