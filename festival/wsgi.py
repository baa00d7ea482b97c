"""The web process: `gunicorn festival.wsgi`."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "festival.settings")
# Told before the settings are read: only the web process pools its database connections.
os.environ.setdefault("FESTIVAL_PROCESS", "web")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
