"""The application, with the admin's style sheets and scripts in front of it, which a real site leaves to a proxy."""

import os

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "library.settings")

application = StaticFilesHandler(get_wsgi_application())
