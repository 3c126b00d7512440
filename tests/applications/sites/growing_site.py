"""The FastAPI site, with a path that tells what the process holds."""

from __future__ import annotations

import asyncio
import gc
import os
import sys

from fastapi_site import app


@app.get("/holdings")
async def holdings() -> dict[str, int]:
    gc.collect()
    return {
        "objects": len(gc.get_objects()),
        "blocks": sys.getallocatedblocks(),
        "tasks": len(asyncio.all_tasks()),
        "descriptors": len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0,
    }
