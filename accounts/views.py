"""One's own account: what allauth does not have."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.forms import ProfileForm


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Name, language, and how the account is protected."""
    form = ProfileForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Your profile is saved."))
        return redirect("accounts:profile")
    # A refused form must not show its unsaved name elsewhere on the page.
    if form.errors:
        form.instance.refresh_from_db(fields=["name", "locale"])
    kinds = set(Authenticator.objects.filter(user=request.user).values_list("type", flat=True))
    return render(
        request,
        "account/profile.html",
        {
            "form": form,
            "addresses": EmailAddress.objects.filter(user=request.user).order_by("-primary", "email"),
            "has_second_factor": bool(kinds & {Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN}),
        },
        status=422 if form.errors else 200,
    )
