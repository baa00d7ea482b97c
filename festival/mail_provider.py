"""A mail provider besides plain SMTP: its API as transport (``EMAIL_URL=anymail+brevo://…``), its webhook.

Both through django-anymail, and only for providers whose webhook was looked at: what they call a bounce
differs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

SCHEME = "anymail+"
SHORTEST_SECRET = 16

# What each wants for its API, in the order of the URL: anymail+mailjet://API_KEY:SECRET_KEY@
CREDENTIALS: dict[str, tuple[str, ...]] = {
    "brevo": ("API_KEY",),
    "mailersend": ("API_TOKEN",),
    "mailgun": ("API_KEY",),
    "mailjet": ("API_KEY", "SECRET_KEY"),
    "mandrill": ("API_KEY",),
    "postmark": ("SERVER_TOKEN",),
    "sparkpost": ("API_KEY",),
}
# A signature beside the secret in the address: without it anybody who learns the address could post.
SIGNED_WITH = {"mailersend": "SIGNING_SECRET"}


@dataclass(frozen=True, slots=True)
class Provider:
    """``backend`` is empty where mail leaves by SMTP and the provider only reports; ``anymail`` are its
    settings.
    """

    name: str = ""
    backend: str = ""
    anymail: dict[str, Any] = field(default_factory=dict)


def provider_of(*, email_url: str, reports: str, webhook_secret: str) -> Provider:
    """The provider of the settings; one without a name where there is none.

    ``email_url``: EMAIL_URL, ``anymail+<provider>://<credentials>@?<setting>=<value>`` or any other.
    ``reports``: MAIL_PROVIDER, for who sends through the provider's SMTP and takes its reports.
    ``webhook_secret``: MAIL_WEBHOOK_SECRET, ``name:secret``. Raises ``ImproperlyConfigured`` where the site
    would take reports from anybody, or cannot speak to its provider.
    """
    url = urlsplit(email_url)
    is_transport = url.scheme.startswith(SCHEME)
    name = url.scheme.removeprefix(SCHEME) if is_transport else reports.strip().lower()
    if not name:
        return Provider()
    if name not in CREDENTIALS:
        known = ", ".join(CREDENTIALS)
        raise ImproperlyConfigured(f"Start refused: {name!r} is no mail provider known here ({known}).")
    _insist_on(webhook_secret, name)
    anymail: dict[str, Any] = {
        "WEBHOOK_SECRET": webhook_secret,
        # A provider that cannot carry the second calendar part or our metadata sends the mail without.
        "IGNORE_UNSUPPORTED_FEATURES": True,
        "REQUESTS_TIMEOUT": (5, 30),
    }
    prefix = name.upper()
    if is_transport:
        given = [unquote(part) for part in (url.username, url.password) if part]
        wanted = CREDENTIALS[name]
        if len(given) < len(wanted):
            raise ImproperlyConfigured(
                f"Start refused: EMAIL_URL for {name} needs {' and '.join(wanted)}: "
                f"{SCHEME}{name}://{':'.join(wanted)}@"
            )
        anymail |= {f"{prefix}_{key}": value for key, value in zip(wanted, given, strict=False)}
        anymail |= {f"{prefix}_{key.upper()}": value for key, value in parse_qsl(url.query)}
    if (missing := SIGNED_WITH.get(name)) and f"{prefix}_{missing}" not in anymail:
        raise ImproperlyConfigured(
            f"Start refused: {name} signs its reports, set {missing.lower()}= in EMAIL_URL."
        )
    backend = f"anymail.backends.{name}.EmailBackend" if is_transport else ""
    return Provider(name, backend, anymail)


def _insist_on(secret: str, provider: str) -> None:
    user, _colon, password = secret.partition(":")
    if not user or len(password) < SHORTEST_SECRET:
        raise ImproperlyConfigured(
            f"Start refused: the reports of {provider} need MAIL_WEBHOOK_SECRET=name:secret with a secret of "
            f"at least {SHORTEST_SECRET} characters; without it anybody could stop mail to any address."
        )
