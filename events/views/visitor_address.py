"""Another e-mail address for all one's visits: asked for here, taken by the link that goes there."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from events.forms.booking import NewAddressForm
from events.links import mask
from events.refusals import Reason, Refused
from events.registration.address import ask_new_address, read_token, take_new_address
from events.views.tickets import secret_page
from events.views.visitor import Opened, by_secret_link

CONFLICT, GONE = 409, 410


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


@require_http_methods(["GET", "HEAD", "POST"])
@secret_page
def new_address(request: HttpRequest, token: str) -> HttpResponse:
    """The link that went to a new address: GET shows from where to where, POST takes everything there."""
    try:
        visitor, email = read_token(token)
    except Refused:
        return render(request, "events/visitor/new_address_gone.html", status=GONE)
    context = {"old": mask(visitor.email), "new": email, "twice": []}
    if request.method != "POST":
        return render(request, "events/visitor/new_address.html", context)
    try:
        moved = take_new_address(token=token, now=timezone.now())
    except Refused as refused:
        if refused.reason == Reason.BUSY:
            messages.warning(request, str(refused.reason.label))
            return redirect(request.path)
        if refused.reason == Reason.LINK_USED:
            return render(request, "events/visitor/new_address_gone.html", status=GONE)
        context["twice"] = refused.facts["others"]
        return render(request, "events/visitor/new_address.html", context, status=CONFLICT)
    messages.success(
        request, _("Your visits now belong to %(email)s. The old link is dead.") % {"email": email}
    )
    return redirect("events:my_visits", moved.token)
