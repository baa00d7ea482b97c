"""Every route of the site, and `/hello/`, what the cheapest page would cost."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from festival.urls import *  # noqa: F403
from festival.urls import urlpatterns as festival_urls


def hello(_request: HttpRequest) -> HttpResponse:
    """Nothing but the middleware before and after it."""
    return HttpResponse("Hello")


urlpatterns = [path("hello/", hello), *festival_urls]
