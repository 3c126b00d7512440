"""The site as Django views that are coroutines, in one file; it has no lifespan and no WebSocket."""

from __future__ import annotations

import hashlib
import json as json_module

from asgi_parts import (
    add_note,
    data_folder,
    describe_upload,
    file_path,
    lines,
    lines_that_fail,
    open_notes,
    pieces_of,
    texts_of,
    ticks,
)
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.static import serve

if not settings.configured:
    settings.configure(
        SECRET_KEY="only for tests",
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        DATA_UPLOAD_MAX_MEMORY_SIZE=None,
        LOGGING_CONFIG=None,
    )


async def item(request: HttpRequest, name: str) -> JsonResponse:
    return JsonResponse({"name": name, "n": int(request.GET.get("n", "0"))})


async def json(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"received": json_module.loads(request.body)})


async def form(request: HttpRequest) -> JsonResponse:
    return JsonResponse(dict(request.POST.lists()))


async def upload(request: HttpRequest) -> JsonResponse:
    file = request.FILES["file"]
    return JsonResponse(describe_upload(file.name, file.content_type, file.read(), request.POST["note"]))


async def take(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"bytes": len(request.body), "sha256": hashlib.sha256(request.body).hexdigest()})


async def echo(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(pieces_of(request.body), content_type="application/octet-stream")


async def count(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(lines(int(request.GET["to"])), content_type="text/plain")


async def events(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(ticks(int(request.GET["port"])), content_type="text/event-stream")


def file(request: HttpRequest) -> FileResponse:
    return FileResponse(file_path().open("rb"), content_type="application/octet-stream")


async def fail(request: HttpRequest) -> HttpResponse:
    raise LookupError("asked to fail")


async def fail_late(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(lines_that_fail())


async def seen(request: HttpRequest) -> JsonResponse:
    return JsonResponse(
        {
            "path": request.path,
            "query": request.META["QUERY_STRING"],
            "host": request.get_host(),
            "scheme": request.scheme,
            "client": request.META["REMOTE_ADDR"],
        }
    )


async def note(request: HttpRequest, name: str) -> JsonResponse:
    async with open_notes() as notes:
        if request.method == "POST":
            await add_note(notes, name, json_module.loads(request.body)["text"])
            return JsonResponse({"name": name}, status=201)
        return JsonResponse({"texts": await texts_of(notes, name)})


async def nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=204)


urlpatterns = [
    path("items/<path:name>", item),
    path("json", json),
    path("form", form),
    path("upload", upload),
    path("take", take),
    path("echo", echo),
    path("count", count),
    path("events", events),
    path("file", file),
    path("fail", fail),
    path("fail-late", fail_late),
    path("seen", seen),
    path("notes/<name>", note),
    path("nothing", nothing),
    path("static/<path:path>", serve, {"document_root": data_folder()}),
]


application = get_asgi_application()
