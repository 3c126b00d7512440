"""Small applications in the manner of the frameworks' own documentation, with what to ask of them.

test_documented.py asks each twice: through Starlette's TestClient, without any server, and over freastal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Ask:
    """One request; `more` is for httpx."""

    path: str
    method: str = "GET"
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Talk:
    """One WebSocket: each message that is sent is answered by so many."""

    path: str
    says: list[str | bytes] = field(default_factory=list)
    hears: int = 1
    subprotocols: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Example:
    """An application and what to ask, in this order, on one server."""

    name: str
    app: Any
    asks: list[Ask | Talk]
    has_lifespan: bool = True


def get(path: str, **more: Any) -> Ask:
    return Ask(path, "GET", more)


def post(path: str, **more: Any) -> Ask:
    return Ask(path, "POST", more)
