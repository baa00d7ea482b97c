"""Who is at the desk."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest

from accounts.models import User


def signed_in(request: HttpRequest) -> User:
    """The person at a desk or in the back office; whoever calls this stands behind the sign-in."""
    return cast(User, request.user)
