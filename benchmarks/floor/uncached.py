"""The same with nothing kept anywhere: every page is drawn and every choice counted anew."""

from benchmarks.floor.hello import *  # noqa: F403
from benchmarks.floor.hello import CACHES

CACHES["fast"] = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
QUICK_PAGE_SECONDS = 0.0
