"""Notes with FastAPI: `freastal --app-dir examples fastapi_notes:app`, then http://127.0.0.1:8000/docs.

    curl -d '{"text": "milk & honey"}' -H 'Content-Type: application/json' http://127.0.0.1:8000/notes
    curl http://127.0.0.1:8000/notes

They are kept in the memory of the worker, from its start to its end (lifespan).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel


class Note(BaseModel):
    text: str


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, list[Note]]]:
    """What it yields is the state of every request."""
    notes: list[Note] = []
    yield {"notes": notes}
    print(f"{len(notes)} notes are forgotten", flush=True)


app = FastAPI(lifespan=lifespan)


@app.get("/notes")
async def read_all(request: Request) -> list[Note]:
    return request.state.notes


@app.post("/notes", status_code=201)
async def add(note: Note, request: Request, later: BackgroundTasks) -> Note:
    request.state.notes.append(note)
    later.add_task(print, f"noted: {note.text}", flush=True)
    return note


@app.get("/notes.txt")
async def stream(request: Request) -> StreamingResponse:
    """Each note leaves before the next is made."""

    async def lines() -> AsyncIterator[str]:
        for note in request.state.notes:
            yield note.text + "\n"

    return StreamingResponse(lines(), media_type="text/plain")


@app.get("/notes/{number}")
async def read(number: int, request: Request) -> Note:
    try:
        return request.state.notes[number]
    except IndexError:
        raise HTTPException(404, "There is no such note") from None
