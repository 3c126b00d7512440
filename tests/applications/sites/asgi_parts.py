"""What the ASGI sites have in common: their data, the signal to a waiting test, and what they say of a body.

Each site does the same things in the manner of its framework; tests/applications/test_asgi_frameworks.py says what.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite

SCHEMA = "CREATE TABLE IF NOT EXISTS notes (name TEXT NOT NULL, text TEXT NOT NULL)"
TICK = b"data: tick\n\n"


def data_folder() -> Path:
    return Path(os.environ["FREASTAL_TEST_DATA"])


def file_path() -> Path:
    return data_folder() / "file.bin"


@asynccontextmanager
async def open_notes() -> AsyncIterator[aiosqlite.Connection]:
    """The notes; what was added is kept when the block ends well."""
    async with aiosqlite.connect(data_folder() / "notes.sqlite3", timeout=30) as notes:
        await notes.execute(SCHEMA)
        yield notes
        await notes.commit()


async def add_note(notes: aiosqlite.Connection, name: str, text: str) -> None:
    await notes.execute("INSERT INTO notes VALUES (?, ?)", (name, text))


async def texts_of(notes: aiosqlite.Connection, name: str) -> list[str]:
    async with notes.execute("SELECT text FROM notes WHERE name = ? ORDER BY rowid", (name,)) as rows:
        return [text async for (text,) in rows]


async def tell(port: int, text: str) -> None:
    """Tells the test that listens at this port of this machine."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text.encode())
    writer.close()
    await writer.wait_closed()


async def ticks(port: int) -> AsyncIterator[bytes]:
    """Server-sent events until the client leaves, which the test at that port is told."""
    try:
        while True:
            yield TICK
            await asyncio.sleep(0)
    finally:
        await asyncio.shield(asyncio.ensure_future(tell(port, "left")))


async def lines(count: int) -> AsyncIterator[bytes]:
    for number in range(count):
        yield f"{number}\n".encode()


async def lines_that_fail() -> AsyncIterator[bytes]:
    async for line in lines(20):
        yield line
    raise LookupError("midway")


async def pieces_of(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), 50_000):
        yield body[at : at + 50_000]


async def describe(stream: AsyncIterable[bytes]) -> dict[str, Any]:
    """Takes a body piece by piece."""
    digest, total = hashlib.sha256(), 0
    async for piece in stream:
        digest.update(piece)
        total += len(piece)
    return {"bytes": total, "sha256": digest.hexdigest()}


def describe_upload(name: str | None, content_type: str | None, content: bytes, note: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": content_type,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "note": note,
    }
