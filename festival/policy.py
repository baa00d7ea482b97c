"""The Content-Security-Policy of every answer, put together once and not for each."""

from __future__ import annotations

from functools import cache

from csp.constants import HEADER
from csp.middleware import CheckableLazyObject, CSPMiddleware
from csp.utils import build_policy
from django.http import HttpRequest
from django.http.response import HttpResponseBase

_HOLE = "the-nonce-goes-here"


class PolicyMiddleware(CSPMiddleware):
    """django-csp, which builds its two policies anew for each answer; a page that asks for a policy of its
    own (``csp_update``) still gets it the long way.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not any(name.startswith("_csp_") for name in vars(response)):
            nonce = getattr(request, "_csp_nonce", None)
            response.headers.setdefault(HEADER, _policy(has_nonce=bool(nonce)).replace(_HOLE, nonce or ""))
            if nonce is None:  # whoever asks for one now has come too late, and is told
                request.csp_nonce = CheckableLazyObject(self._csp_nonce_post_response)  # type: ignore[attr-defined]
            return response
        return super().process_response(request, response)


@cache
def _policy(*, has_nonce: bool) -> str:
    return build_policy(nonce=_HOLE if has_nonce else None)
