"""An edition's own words: placeholders of an allow-list, put in once, as plain text."""

from __future__ import annotations

from email.message import EmailMessage
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.mail.deliver import deliver_due
from events.mail.letters import Letter
from events.mail.outbox import owe
from events.mail.wordings import (
    PLACEHOLDERS,
    Unknown,
    mark_of,
    own_words,
    remembered_wordings,
    save_wording,
    unknown_placeholders,
)
from events.models import JournalEntry, MailTemplate, Message
from events.refusals import Reason, Refused
from tests.factories import NOW, FestivalFactory
from tests.mail.conftest import kept

pytestmark = pytest.mark.once

Kind = Message.Kind


def write(visit: SimpleNamespace, kind: str = Kind.CONFIRMATION, locale: str = "fr", **words: str) -> None:
    words = {"subject": "", "text": "", **words}
    save_wording(festival=visit.festival, kind=kind, locale=locale, by=None, now=NOW, **words)


def sent(visit: SimpleNamespace, locale: str = "fr", kind: str = Kind.CONFIRMATION) -> EmailMessage:
    owe(
        kind=kind,
        dedupe_key=f"{kind}:{locale}",
        recipient="camille@example.org",
        locale=locale,
        now=NOW,
        registration=visit.registration,
    )
    deliver_due(now=NOW)
    return kept()[-1]


def said(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n").replace("\u00a0", " ")


def test_subject_and_opening_are_the_edition_s_own(visit: SimpleNamespace) -> None:
    write(
        visit,
        subject="{prénom}, {visite} : {jour} à {heure}",
        text="Ravis de vous accueillir, {prénom}.\n\nRendez-vous : {lieu}, {places}, {référence}.",
    )

    mail = sent(visit)

    assert str(mail["Subject"]).replace("\u00a0", " ") == (
        "Camille, Dans l’atelier d’un robot : jeudi 10 juin à 14 h"
    )
    for kind in ("plain", "html"):
        assert "Ravis de vous accueillir, Camille." in said(mail, kind)
        assert "2 places, RJ4K-7KDM." in said(mail, kind)
        assert "Nous vous attendons" not in said(mail, kind)
        assert visit.visitor.token in said(mail, kind)


def test_what_nobody_may_leave_out_stays_after_the_own_words(visit: SimpleNamespace) -> None:
    visit.registration.status, visit.registration.waiting_since = "waiting", NOW
    visit.registration.confirmed_at = None
    visit.registration.save()
    write(visit, Kind.WAITING, text="Patience !")

    text = said(sent(visit, kind=Kind.WAITING))

    assert text.index("Patience !") < text.index("Tout est pris")


def test_another_language_kind_or_edition_says_what_the_site_says(visit: SimpleNamespace) -> None:
    write(visit, locale="en", subject="Hello")
    write(visit, Kind.CANCELLATION, subject="Au revoir")
    write(SimpleNamespace(festival=FestivalFactory()), subject="Ailleurs")

    assert str(sent(visit)["Subject"]).startswith("Votre inscription")
    assert sent(visit, "en")["Subject"] == "Hello"


def test_what_a_placeholder_stands_for_is_not_read_for_placeholders(visit: SimpleNamespace) -> None:
    visit.activity.title_fr = "{référence} {prénom}"
    visit.activity.save()
    write(visit, subject="{visite}", text="« {visite} »")

    mail = sent(visit)

    assert mail["Subject"] == "{référence} {prénom}"
    assert "« {référence} {prénom} »" in said(mail)


def test_own_words_become_neither_markup_nor_a_link(visit: SimpleNamespace) -> None:
    write(visit, subject="<b>Oui</b>\r\nBcc: x@example.org", text="<script>1</script> https://mal.example")

    mail = sent(visit)

    assert mail["Bcc"] is None
    assert mail["Subject"] == "<b>Oui</b> Bcc\u00a0: x@example.org"
    assert "<script>" not in said(mail, "html")
    assert "&lt;script&gt;1&lt;/script&gt; https:/ /mal.example" in said(mail, "html")
    assert "https://mal" not in said(mail)


def test_a_name_nobody_gave_takes_its_space_along(visit: SimpleNamespace) -> None:
    visit.registration.name = ""
    visit.registration.save()
    write(visit, subject="Bonjour {prénom}, à bientôt")

    assert sent(visit)["Subject"] == "Bonjour, à bientôt"


def test_an_unknown_placeholder_is_named_with_the_nearest_and_refused(visit: SimpleNamespace) -> None:
    text = "{prenom} {Visite} {heures} {zzz} {prénom} {adresse}"

    assert unknown_placeholders(Kind.CONFIRMATION, text) == [
        Unknown("prenom", "prénom"),
        Unknown("Visite", "visite"),
        Unknown("heures", "heure"),
        Unknown("zzz", ""),
        Unknown("adresse", ""),
    ]
    with pytest.raises(Refused) as refused:
        write(visit, text=text)
    assert refused.value.reason == Reason.WRONG_STATE
    assert MailTemplate.objects.count() == 0


def test_an_accent_in_two_signs_is_the_same_placeholder(visit: SimpleNamespace) -> None:
    write(visit, subject="{pre\u0301nom}")

    assert sent(visit)["Subject"] == "Camille"


def test_a_kind_without_own_words_is_refused(visit: SimpleNamespace) -> None:
    with pytest.raises(Refused):
        write(visit, Kind.ACCOUNT, subject="Bonjour")


def test_empty_words_are_the_site_s_again(visit: SimpleNamespace) -> None:
    write(visit, subject="Oui")
    write(visit)

    assert MailTemplate.objects.count() == 0
    assert JournalEntry.objects.filter(verb="change_wording").count() == 2


def test_who_read_an_older_version_is_told(visit: SimpleNamespace) -> None:
    write(visit, subject="Premier")
    with pytest.raises(Refused) as refused:
        write(visit, subject="Second", seen="")
    assert refused.value.reason == Reason.CHANGED_MEANWHILE

    write(visit, subject="Second", seen=mark_of(MailTemplate.objects.get()))
    assert MailTemplate.objects.get().subject == "Second"


@pytest.mark.parametrize("kind", PLACEHOLDERS)
def test_every_placeholder_of_a_kind_says_what_it_is(kind: Kind) -> None:
    assert all(str(meaning) for meaning in PLACEHOLDERS[kind].values())
    assert {"prénom", "festival"} <= set(PLACEHOLDERS[kind])


def test_in_a_batch_a_wording_is_asked_for_once(visit: SimpleNamespace) -> None:
    message = Message(kind=Kind.CONFIRMATION, locale="fr", registration=visit.registration)
    letter = Letter("Festival", False, "L’équipe")

    with CaptureQueriesContext(connection) as asked, remembered_wordings():
        own_words(message, letter)
        own_words(message, letter)
    assert len(asked) == 1
