"""The mails kept on the site where no relay is set, to be read as a person reads mail; and those to come.

Secret links stand in them: the pages exist only in that mode, and in production for the superusers alone.
"""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import re
from email.message import EmailMessage
from typing import Any

from csp.constants import SELF
from csp.decorators import csp_update
from django.conf import settings
from django.db.models.functions import Substr
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from events.models import KeptMail, Message, Registration
from events.reminders import Planned, planned_days

MOST_SHOWN = 100
LATEST_BOOKINGS = 20
HEAD = 4000
"""Letters of a mail among which its headers are."""
CONTENT_LANGUAGE = re.compile(r"^Content-Language: *([a-z]{2})", re.MULTILINE | re.IGNORECASE)
SHOWN_HEADERS = (
    *("From", "To", "Reply-To", "Subject", "Date", "Message-ID"),
    *("Auto-Submitted", "List-Unsubscribe", "List-Unsubscribe-Post"),
)


def _only_where_mails_are_kept(request: HttpRequest) -> None:
    if not settings.KEEP_MAILS_ON_SITE or (settings.PRODUCTION and not request.user.is_superuser):
        raise Http404


@require_safe
@never_cache
def outbox(request: HttpRequest) -> HttpResponse:
    """What was kept, the newest first, and what is still to come. The page asks again every few seconds."""
    _only_where_mails_are_kept(request)
    page = _lists()
    if request.headers.get("HX-Request") != "true":
        return render(request, "events/outbox/outbox.html", page)
    if request.GET.get("vu") == page["seen"]:
        return HttpResponse(status=204)  # nothing new: the page, and who reads it, stay as they are
    return render(request, "events/outbox/_lists.html", page)


def _lists() -> dict[str, Any]:
    under_way = [Message.Status.PENDING, Message.Status.SENDING]
    kept = list(KeptMail.objects.defer("source").annotate(head=Substr("source", 1, HEAD))[:MOST_SHOWN])
    waiting = list(
        Message.objects.filter(status__in=under_way).order_by("next_attempt_at", "pk")[:MOST_SHOWN]
    )
    planned = _reminders_to_come()
    shown = [
        [(mail.pk, mail.kept_at) for mail in kept],
        [(message.pk, message.status) for message in waiting],
        [(*(visit.pk for visit in mail.registrations), mail.rule.pk, mail.at) for mail in planned],
    ]
    return {
        "kept": [(mail, language_in(mail.head)) for mail in kept],
        "number": KeptMail.objects.count(),
        "waiting": waiting,
        "planned": planned,
        "now": timezone.now(),
        "seen": hashlib.sha256(repr(shown).encode()).hexdigest()[:16],
    }


def language_in(source: str) -> str:
    """What a mail says it is written in (RFC 3282); French where it does not say."""
    found = CONTENT_LANGUAGE.search(source)
    return found[1].lower() if found else "fr"


@require_safe
@never_cache
@csp_update({"frame-src": [SELF]})  # type: ignore[arg-type]  # it takes views with arguments too
def outbox_mail(request: HttpRequest, pk: int) -> HttpResponse:
    """One mail: its HTML in a closed frame, its text twin, its headers, its files."""
    _only_where_mails_are_kept(request)
    kept, mail = _read(pk)
    text = mail.get_body(("plain",))
    page = {
        "kept": kept,
        "language": language_in(kept.source),
        "subject": str(mail["Subject"] or kept.subject).strip(),
        "headers": [(name, str(mail[name]).strip()) for name in SHOWN_HEADERS if mail[name]],
        "text": text.get_content() if text is not None else "",
        "has_html": mail.get_body(("html",)) is not None,
        "files": [
            {"number": number, "name": part.get_filename() or "", "kind": part.get_content_type()}
            for number, part in enumerate(mail.iter_attachments())
        ],
    }
    return render(request, "events/outbox/outbox_mail.html", page)


@require_safe
@never_cache
@xframe_options_sameorigin
def outbox_letter(request: HttpRequest, pk: int) -> HttpResponse:
    """The HTML part alone, for the frame: its own styles by their hash, and nothing else runs or loads."""
    _only_where_mails_are_kept(request)
    _kept, mail = _read(pk)
    body = mail.get_body(("html",))
    if body is None:
        raise Http404
    # Its links open in the whole window: the frame may not follow them.
    html = str(body.get_content()).replace("\r\n", "\n").replace("<head>", '<head><base target="_top">', 1)
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"
        for style in re.findall(r"<style>(.*?)</style>", html, re.S)
    )
    response = HttpResponse(html)
    response["Content-Security-Policy"] = (
        f"default-src 'none'; style-src {hashes or chr(39) + 'none' + chr(39)}; frame-ancestors 'self'; "
        "base-uri 'none'; form-action 'none'; sandbox allow-top-navigation-by-user-activation"
    )
    return response


@require_safe
@never_cache
def outbox_file(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """A file that came with a mail, to be saved."""
    _only_where_mails_are_kept(request)
    _kept, mail = _read(pk)
    files = list(mail.iter_attachments())
    if number >= len(files):
        raise Http404
    content = files[number].get_payload(decode=True)
    response = HttpResponse(
        content if isinstance(content, bytes) else b"", content_type=files[number].get_content_type()
    )
    name = re.sub(r"[^\w.-]", "_", files[number].get_filename() or "fichier")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _read(pk: int) -> tuple[KeptMail, EmailMessage]:
    kept = get_object_or_404(KeptMail, pk=pk)
    return kept, email.message_from_bytes(kept.source.encode(), policy=email.policy.default)


def _reminders_to_come() -> list[Planned]:
    """What the latest visitors will get, one mail for a rule and a day as it will leave: who has just booked
    finds theirs on top."""
    now = timezone.now()
    coming = Registration.objects.confirmed().filter(slot__starts_at__gt=now, slot__state="published")
    latest = coming.order_by("-created_at", "-pk").values_list("visitor", flat=True)[:LATEST_BOOKINGS]
    visitors = dict.fromkeys(latest)
    theirs: dict[int, list[Registration]] = {pk: [] for pk in visitors}
    for booking in (
        coming.filter(visitor__in=list(visitors))
        .select_related("visitor", "slot__activity__festival")
        .prefetch_related("slot__activity__festival__reminder_rules")
        .order_by("slot__starts_at", "pk")
    ):
        theirs[booking.visitor_id].append(booking)
    return [mail for bookings in theirs.values() for mail in planned_days(bookings, now)]
