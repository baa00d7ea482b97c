"""Where to go after a small act: back to the page one was on."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def onward(request: HttpRequest, *, otherwise: str) -> str:
    """The page of this site that ``next`` names, or ``otherwise``: never one of another site."""
    asked = str(request.POST.get("next") or request.GET.get("next") or "")
    is_ours = asked.startswith("/") and url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if is_ours else otherwise
