"""Sites that hand their mails to a real SMTP server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ground.site import Site
from tests.ground.smtp import SmtpSink


@pytest.fixture
def site_with_relay(database: Site, smtp_sink: SmtpSink) -> Site:
    """In processes of its own."""
    database.environment["EMAIL_URL"] = smtp_sink.url
    return database


@pytest.fixture
def relay(smtp_sink: SmtpSink, settings: Any, db: None) -> SmtpSink:
    """In this process, for what hangs on the clock and not on processes."""
    settings.KEEP_MAILS_ON_SITE = False
    settings.MAIL_TRANSPORT = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", smtp_sink.port, 60
    return smtp_sink
