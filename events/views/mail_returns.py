"""Where a mail provider reports what became of our mail. Open only where the settings name a provider."""

from __future__ import annotations

import logging

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseForbidden
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from events.mail.bounces import note_returned
from events.mail.providers import NotTheProvider, Unreadable, reports_in, takes_reports

logger = logging.getLogger(__name__)


@csrf_exempt
@require_http_methods(["POST", "HEAD"])
def mail_returns(request: HttpRequest, provider: str) -> HttpResponse:
    """Take the reports in, each once; 200 to what was told before too, or it would be told for days.

    No CSRF check: the provider has no cookie, it has the secret.
    """
    if provider != takes_reports():
        raise Http404
    if request.method == "HEAD":  # some look whether anybody is there before they accept the address
        return HttpResponse()
    now = timezone.now()
    try:
        reports = reports_in(request, provider, now=now)
    except NotTheProvider:
        logger.warning("A report in the name of %s without its secret", provider)
        return HttpResponseForbidden("The secret is wrong.\n", content_type="text/plain")
    except Unreadable as error:
        logger.warning("A report of %s cannot be read: %s", provider, error)
        return HttpResponseBadRequest("This is no report.\n", content_type="text/plain")
    with transaction.atomic():
        # In the order of their names, so that two requests telling the same do not wait crosswise.
        new = [
            note_returned(report, now=now) for report in sorted(reports, key=lambda report: report.event_id)
        ]
    return HttpResponse(f"{sum(new)} of {len(new)} are new.\n", content_type="text/plain")
