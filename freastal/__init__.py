"""freastal: an application server for Python. The public names, and nothing else.

They are imported when first used, so that a part of the package can be imported without the rest.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .config import Config
    from .server import Server, serve

__version__ = "0.1.0"
__all__ = ["Config", "Server", "__version__", "serve"]

_HOMES = {"Config": "config", "Server": "server", "serve": "server"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'freastal' has no attribute {name!r}")
    from importlib import import_module

    globals()[name] = found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
