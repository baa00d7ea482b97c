"""Another e-mail address for all one's visits: asked for here, taken by the link that goes there."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods

from events.forms.booking import NewAddressForm
from events.registration.address import ask_new_address
from events.views.visitor import Opened, by_secret_link


@require_http_methods(["GET", "HEAD", "POST"])
@by_secret_link
def my_address(request: HttpRequest, token: str, opened: Opened) -> HttpResponse:
    """GET shows the form, POST sends a link to the new address; the answer is alike whoever has it."""
    if not opened.is_whole:
        raise Http404
    form = NewAddressForm(request.POST or None, present=opened.visitor.email)
    if request.method == "POST" and form.is_valid():
        ask_new_address(
            visitor_id=opened.visitor.pk,
            email=form.cleaned_data["email"],
            now=timezone.now(),
            locale=get_language() or "fr",
        )
        return redirect(f"{reverse('events:my_address', args=[token])}?envoi=1")
    context = {
        "token": token,
        "visitor": opened.visitor,
        "form": form,
        "is_sent": "envoi" in request.GET,
        "kept_on_site": settings.KEEP_MAILS_ON_SITE,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "events/visitor/address.html", context, status=status)
