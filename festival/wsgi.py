"""The web process: `gunicorn festival.wsgi`."""

import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "festival.settings")
# Told before the settings are read: only the web process pools its database connections.
os.environ.setdefault("FESTIVAL_PROCESS", "web")

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

application = get_wsgi_application()

from events.programme import shelf  # noqa: E402 - models first

# Every page is imported now: otherwise the first visitor of each process waits for it, and a broken import
# shows only then.
get_resolver().url_patterns  # noqa: B018

shelf.read_ahead()

# What is loaded by now stays for good: the collector need not walk through it again and again, nor run after
# every few hundred objects of a request, nearly all of which are freed without it.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 50)
