"""A relay that listens in this process, and a small festival to write about."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any

import pytest

from events.models import KeptMail, Message, Programme
from tests import factories as f
from tests.ground.smtp import SmtpSink


@pytest.fixture
def relay(smtp_sink: SmtpSink, settings: Any) -> SmtpSink:
    """The site of this test hands its mails to a real SMTP server."""
    settings.KEEP_MAILS_ON_SITE = False
    settings.MAIL_TRANSPORT = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", smtp_sink.port, 5
    return smtp_sink


@pytest.fixture
def visit(db: None) -> SimpleNamespace:
    """See ``make_visit``."""
    return make_visit()


def make_visit() -> SimpleNamespace:
    """Camille has two places for Thursday 10 June 2027 at 14 h in Toulouse."""
    festival = f.FestivalFactory(
        name="Festival French Tech 2027", is_demo=True, contact_email="bonjour@festival.example"
    )
    programme = Programme.objects.create(festival=festival, name="Start-up Assembly", slug="startup-assembly")
    territory = f.TerritoryFactory(name="Toulouse et Labège")
    venue = f.VenueFactory(territory=territory, name="La Cantine", latitude=43.6049, longitude=1.45)
    host = f.HostFactory(territory=territory, name="Les Robots du Canal")
    activity = f.ActivityFactory(
        host=host,
        festival=festival,
        programme=programme,
        venue=venue,
        title_fr="Dans l’atelier d’un robot",
        title_en="In the workshop of a robot",
        slug="atelier-robot",
    )
    slot = f.SlotFactory(activity=activity, start_time=dt.time(14), venue=venue, waiting=4)
    visitor = f.VisitorFactory(email="camille@example.org")
    registration = f.RegistrationFactory(
        slot=slot, visitor=visitor, party_size=2, name="Camille Martin", reference="RJ4K-7KDM"
    )
    return SimpleNamespace(
        festival=festival,
        territory=territory,
        venue=venue,
        host=host,
        activity=activity,
        slot=slot,
        visitor=visitor,
        registration=registration,
        typed=str,
    )


def kept() -> list[EmailMessage]:
    """Every mail kept on the site, in order, parsed by the standard library."""
    rows = KeptMail.objects.order_by("pk").values_list("source", flat=True)
    return [email.message_from_bytes(source.encode(), policy=email.policy.default) for source in rows]


def status_of(key: str) -> str:
    return Message.objects.values_list("status", flat=True).get(dedupe_key=key)
