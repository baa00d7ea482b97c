"""Nothing but a database, spoken to as the festival speaks to its own."""

import os

from festival.database import database_settings

SECRET_KEY = "only-a-yardstick"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "benchmarks.floor.urls"
WSGI_APPLICATION = "benchmarks.floor.wsgi.application"
INSTALLED_APPS = ["benchmarks.floor"]
MIDDLEWARE: list[str] = []
DATABASES = {"default": database_settings(os.environ["DATABASE_URL"], process="web")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
