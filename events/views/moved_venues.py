"""An address of a venue that was merged into another leads there, page or feed."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponsePermanentRedirect
from django.urls import reverse

from events.models import VenueMerge


def follow_merged_venues(
    argument: str,
) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """For a view whose ``argument`` is the slug of a venue: what it does not find is looked for among the
    merged ones, and answered 301 with the same page of the venue that stayed.
    """

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def followed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                return view(request, *args, **kwargs)
            except Http404:
                merge = VenueMerge.objects.select_related("into").filter(slug=kwargs[argument]).first()
                if merge is None or request.resolver_match is None or request.method not in ("GET", "HEAD"):
                    raise
            address = reverse(request.resolver_match.view_name, kwargs={**kwargs, argument: merge.into.slug})
            asked = request.META.get("QUERY_STRING", "")
            return HttpResponsePermanentRedirect(f"{address}?{asked}" if asked else address)

        return followed

    return decorate
