"""An edition's own words in its mails: which kinds have some, and one of them written beside its preview."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from events.forms.mails import WordingForm
from events.mail.content.kinds import CONTENT_OF
from events.mail.example import example_of
from events.mail.preview import preview
from events.mail.wordings import (
    KEEPS_THE_SITE_S_LEAD,
    PLACEHOLDERS,
    mark_of,
    said_in,
    save_wording,
    values_of,
)
from events.models import Festival, MailTemplate, Message
from events.models.choices import LOCALES
from events.refusals import Reason, Refused

from .organiser_frame import Workplace, edition_run_by, frame, workplace
from .organiser_mails import closed_frame

FORM = ["GET", "HEAD", "POST"]


@require_safe
@login_required
def wordings(request: HttpRequest, territory: str) -> HttpResponse:
    """Every kind that may be said otherwise, and in which language it is."""
    place = workplace(request, territory)
    edition = edition_run_by(place)
    own = {(one.kind, one.locale): one for one in edition.mail_templates.select_related("updated_by")}
    rows = [
        (kind, [(locale, language, own.get((kind.value, locale))) for locale, language in LOCALES])
        for kind in PLACEHOLDERS
    ]
    return render(
        request,
        "events/organiser/mail_wordings.html",
        frame(place, edition=edition, rows=rows, languages=LOCALES),
    )


@require_http_methods(FORM)
@never_cache
@login_required
def wording(request: HttpRequest, territory: str, kind: str, locale: str) -> HttpResponse:
    """Subject and opening of one kind in one language, with what a mail looks like with them."""
    place = workplace(request, territory)
    edition = edition_run_by(place)
    if kind not in PLACEHOLDERS or locale not in dict(LOCALES):
        raise Http404
    known = Message.Kind(kind)
    there = MailTemplate.objects.filter(festival=edition, kind=kind, locale=locale).first()
    if request.method != "POST":
        start = {"subject": there.subject, "text": there.text} if there else {}
        return _show(request, place, edition, known, locale, there, WordingForm(initial=start, kind=known))
    form = WordingForm({} if "site" in request.POST else request.POST, kind=known)
    if not form.is_valid():
        return _show(request, place, edition, known, locale, there, form, status=422)
    if "apercu" in request.POST:
        return _show(request, place, edition, known, locale, there, form)
    try:
        save_wording(
            festival=edition,
            kind=kind,
            locale=locale,
            subject=form.cleaned_data["subject"],
            text=form.cleaned_data["text"],
            by=place.user,
            now=place.now,
            seen=request.POST.get("vu", ""),
        )
    except Refused as refused:
        changed = refused.reason == Reason.CHANGED_MEANWHILE
        return _show(request, place, edition, known, locale, there, form, changed=changed, status=409)
    if form.cleaned_data["subject"] or form.cleaned_data["text"]:
        messages.success(request, _("Saved: from now on the mails say it so."))
    else:
        messages.success(request, _("The site’s words are back."))
    return redirect("events:organiser_wording", territory, kind, locale)


def _show(
    request: HttpRequest,
    place: Workplace,
    edition: Festival,
    kind: Message.Kind,
    locale: str,
    there: MailTemplate | None,
    form: WordingForm,
    *,
    changed: bool = False,
    status: int = 200,
) -> HttpResponse:
    with example_of(
        kind, festival=edition, territory=place.territory, locale=locale, now=place.now
    ) as message:
        looked_at = _preview(message, form, locale, place.now)
    context = frame(
        place,
        edition=edition,
        kind=kind,
        locale=locale,
        language=dict(LOCALES)[locale],
        languages=LOCALES,
        there=there,
        seen=mark_of(there),
        form=form,
        changed=changed,
        keeps_lead=kind in KEEPS_THE_SITE_S_LEAD,
        **looked_at,
    )
    response = render(request, "events/organiser/mail_wording.html", context, status=status)
    return closed_frame(response, context["shown"])


def _preview(message: Message, form: WordingForm, locale: str, now: dt.datetime) -> dict[str, Any]:
    """The mail with what stands in the form, and what each placeholder stands for in it."""
    subject, text = (str(form[name].value() or "") for name in ("subject", "text"))
    words = MailTemplate(kind=message.kind, locale=locale, subject=subject, text=text)
    with said_in(words, message):
        shown = preview(message, now=now)
    with override(locale):
        values = (
            {} if shown.problem else values_of(message.kind, CONTENT_OF[message.kind](message, now).letter)
        )
    meanings = PLACEHOLDERS[Message.Kind(message.kind)]
    return {
        "shown": shown,
        "placeholders": [(name, meaning, values.get(name, "")) for name, meaning in meanings.items()],
    }
