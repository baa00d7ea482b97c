"""Who may book through the API: a partner with a token, shown once and kept as a hash."""

from __future__ import annotations

import datetime as dt

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from events.links import hash_of
from events.models import ApiToken

SEEN_EVERY = dt.timedelta(hours=1)


class PartnerKey(HttpBearer):
    """``Authorization: Bearer …`` (RFC 6750). Puts the partner's ``ApiToken`` into ``request.auth``."""

    openapi_name = "partner"

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        partner = ApiToken.objects.filter(token_hash=hash_of(token), revoked_at__isnull=True).first()
        if partner is None:
            return None
        now = timezone.now()
        seen = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - SEEN_EVERY)
        if partner.last_used_at is None or partner.last_used_at < now - SEEN_EVERY:
            ApiToken.objects.filter(seen, pk=partner.pk).update(last_used_at=now)
        return partner
