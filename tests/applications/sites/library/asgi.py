"""The project over ASGI, with the admin's style sheets and scripts in front of it."""

import os

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "library.settings")

application = ASGIStaticFilesHandler(get_asgi_application())
