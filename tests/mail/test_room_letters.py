"""The mails about a room given on request: who decides is asked, who asked is answered."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pytest

from events.mail.deliver import deliver_due
from events.models import Message, RoomManager, RoomRequest
from events.scheduling.requests import (
    accept_request,
    ask_for_slot,
    ask_for_time,
    refuse_request,
    withdraw_request,
)
from tests import factories as f
from tests.factories import NOW
from tests.mail.conftest import kept

from .test_letters import parts

pytestmark = pytest.mark.once

NB = "\u00a0"


@pytest.fixture
def asked(visit: SimpleNamespace) -> SimpleNamespace:
    """Sacha asks for the Grande salle for the visit; Dominique decides."""
    room = f.RoomFactory(venue=visit.venue, name="Grande salle", by_request=True)
    sacha, dominique = (
        f.UserFactory(email=f"{name}@example.org", name=f"{name.title()} Martin")
        for name in ("sacha", "dominique")
    )
    RoomManager.objects.create(room=room, user=dominique)
    request = ask_for_slot(
        room_id=room.pk, slot_id=visit.slot.pk, by=sacha, now=NOW, message="Avec un écran www.exemple.org"
    )
    return SimpleNamespace(room=room, sacha=sacha, dominique=dominique, request=request, slot=visit.slot)


def sent(kind: str, locale: str) -> tuple[str, str, str]:
    """Subject, text and words of the HTML of the last mail of a kind."""
    Message.objects.filter(kind=kind).update(locale=locale)
    deliver_due(now=NOW)
    mail = kept()[-1]
    text, words = parts(mail)
    return str(mail["Subject"]), text, " ".join(words.text)


@pytest.mark.parametrize(
    ("locale", "subject", "sentence"),
    [
        (
            "fr",
            f"Grande salle, jeudi{NB}10{NB}juin{NB}: une demande attend votre réponse",
            f"Les Robots du Canal demande Grande salle (La Cantine) pour «{NB}Dans l’atelier d’un robot{NB}»",
        ),
        (
            "en",
            f"Grande salle, Thursday{NB}10{NB}June: a request awaits your answer",
            "Les Robots du Canal asks for Grande salle (La Cantine) for “In the workshop of a robot”",
        ),
    ],
)
def test_who_decides_reads_what_is_asked_for_and_where_to_answer(asked, settings, locale, subject, sentence):
    said, text, html = sent("room_asked", locale)

    assert said == subject
    for words in (text, html):
        assert sentence in words
        assert "www.exemple.org" not in words
    assert f"{settings.SITE_URL}/organisation/{asked.room.venue.territory.slug}/demandes/" in text


@pytest.mark.parametrize(
    ("locale", "subject"),
    [
        ("fr", f"Accordée{NB}: Grande salle, jeudi{NB}10{NB}juin"),
        ("en", f"Accepted: Grande salle, Thursday{NB}10{NB}June"),
    ],
)
def test_who_asked_reads_the_yes_with_its_words(asked, settings, locale, subject):
    accept_request(request_id=asked.request.pk, answer="Clés à l’accueil.", by=asked.dominique, now=NOW)

    said, text, html = sent("room_answered", locale)

    assert said == subject
    assert "Clés à l’accueil." in text
    assert "Clés à l’accueil." in html
    host = asked.slot.activity.host
    assert f"{settings.SITE_URL}/hote/{host.slug}/qui-vient/{asked.slot.pk}/" in text


@pytest.mark.parametrize("locale", ["fr", "en"])
def test_who_asked_reads_the_no_with_its_reason(asked, locale):
    refuse_request(request_id=asked.request.pk, answer="Travaux ce jour-là.", by=asked.dominique, now=NOW)

    said, text, html = sent("room_answered", locale)

    assert said.startswith({"fr": f"Refusée{NB}: Grande salle", "en": "Refused: Grande salle"}[locale])
    assert "Travaux ce jour-là." in text
    assert "Travaux ce jour-là." in html


def test_a_request_for_something_else_says_what_and_who(asked):
    RoomRequest.objects.all().delete()
    ask_for_time(
        room_id=asked.room.pk,
        starts_at=asked.slot.starts_at,
        ends_at=asked.slot.ends_at,
        label="Répétition",
        by=asked.sacha,
        now=NOW,
    )

    _subject, text, _html = sent("room_asked", "fr")

    assert f"Sacha demande Grande salle (La Cantine) pour «{NB}Répétition{NB}»" in text


def test_who_decides_is_not_asked_about_what_is_withdrawn(asked):
    withdraw_request(request_id=asked.request.pk, by=asked.sacha, now=NOW)

    deliver_due(now=NOW)

    assert Message.objects.get(kind="room_asked").status == "cancelled"
    assert kept() == []


def test_a_mail_about_a_request_that_is_gone_is_not_sent(asked):
    RoomRequest.objects.all().delete()

    deliver_due(now=NOW)

    assert Message.objects.get(kind="room_asked").status == "cancelled"


def test_a_mail_about_a_time_that_has_passed_is_too_late(asked):
    deliver_due(now=asked.slot.ends_at + dt.timedelta(minutes=1))

    assert Message.objects.get(kind="room_asked").status == "expired"
