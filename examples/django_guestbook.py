"""A Django project in one file: `pip install django`, then `freastal --app-dir examples django_guestbook:application`.

A project that `django-admin startproject mysite` wrote is served in the same way: `freastal mysite.wsgi:application`.
"""

from __future__ import annotations

from pathlib import Path

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.urls import path
from django.utils.html import format_html, format_html_join

HERE = Path(__file__).resolve().parent

settings.configure(
    SECRET_KEY="an example, not a secret",
    ALLOWED_HOSTS=["localhost", "127.0.0.1", "[::1]"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": HERE / "guestbook.sqlite3"}},
)
django.setup()


def guestbook(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS guest (name TEXT NOT NULL)")
        if request.method == "POST":
            cursor.execute("INSERT INTO guest VALUES (%s)", [request.POST["name"]])
            return HttpResponseRedirect("/")
        cursor.execute("SELECT name FROM guest ORDER BY rowid")
        guests = format_html_join("", "<li>{}</li>", cursor.fetchall())
    field = format_html('<input type="hidden" name="csrfmiddlewaretoken" value="{}">', get_token(request))
    page = '<title>Guests</title><form method="post">{}<input name="name"> <button>Sign</button></form><ul>{}</ul>'
    return HttpResponse(format_html(page, field, guests))


urlpatterns = [path("", guestbook)]
application = get_wsgi_application()
