from __future__ import annotations

from django.urls import URLResolver, path

from events.api.v1 import api

urlpatterns: list[URLResolver] = [path("api/v1/", api.urls)]
