"""Who is really asking, when the site stands behind proxies."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class RealPeerMiddleware:
    """Puts the visitor's address into REMOTE_ADDR, so that every limit counts the same peer.

    Only the last TRUSTED_PROXY_COUNT entries of X-Forwarded-For were written by our own proxies; what stands
    left of them is the visitor's own claim. With 0 (the default) the header is ignored.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        count = settings.TRUSTED_PROXY_COUNT
        if count > 0:
            hops = [
                hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()
            ]
            if len(hops) >= count:
                request.META["REMOTE_ADDR"] = hops[-count]
        elif not request.META.get("REMOTE_ADDR"):
            # A Unix socket has no peer address; every limit keyed by it then counts everybody together.
            request.META["REMOTE_ADDR"] = "127.0.0.1"
        # Nobody below may read the claim again.
        request.META.pop("HTTP_X_FORWARDED_FOR", None)
        return self.get_response(request)
