"""What every template may show of the site itself."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(_request: HttpRequest) -> dict[str, Any]:
    """The site's address and what it is running with."""
    return {
        "SITE_URL": settings.SITE_URL,
        "KEEP_MAILS_ON_SITE": settings.KEEP_MAILS_ON_SITE,
        "MAP_TILES_URL": settings.MAP_TILES_URL,
    }
