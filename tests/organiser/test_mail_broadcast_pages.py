"""A message to many at the desk: written, read, counted, sent, and ended with one click by who wants none."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events.broadcasts import (
    Words,
)
from events.links import broadcasts_token
from events.mail.deliver import deliver_due
from events.mail.outbox import owe
from events.mail.suppressions import stop
from events.models import (
    Broadcast,
    FestivalTeam,
    Message,
    Suppression,
)
from tests.factories import (
    NOW,
    ActivityFactory,
    SlotFactory,
    UserFactory,
)

from .conftest import a_slot
from .messages import NEW, TYPED, WORDS, Status, booked, start, work

# Pages ------------------------------------------------------------------------------------------------------


def test_it_is_written_read_counted_and_sent(desk: Client, place: SimpleNamespace) -> None:
    booked(a_slot(place), "ada@example.org", name="Ada Martin")
    preview = desk.post(NEW, TYPED)
    assert preview.status_code == 200
    assert "Bonjour Ada," in preview.context["letters"][0][1].text
    assert Broadcast.objects.count() == 0

    sent = desk.post(NEW, {**TYPED, "vu": preview.context["counted"].fingerprint, "envoyer": "1"})

    broadcast = Broadcast.objects.get()
    assert sent.url == reverse("events:organiser_broadcast", args=["toulouse", broadcast.pk])
    work()
    deliver_due(now=NOW)
    page = desk.get(sent.url)
    assert (page.context["done"], page.context["total"], page.context["is_going"]) == (1, 1, False)
    rows = desk.get("/organisation/toulouse/courriels/groupe/").context["rows"]
    assert [(one.subject, one.sent, one.lost) for one, _who in rows] == [(WORDS.subject, 1, 0)]


def test_a_changed_number_shows_the_page_again_and_sends_nothing(
    desk: Client, place: SimpleNamespace
) -> None:
    slot = a_slot(place)
    booked(slot, "ada@example.org")
    vu = desk.post(NEW, TYPED).context["counted"].fingerprint
    booked(slot, "bob@example.org")

    page = desk.post(NEW, {**TYPED, "vu": vu, "envoyer": "1"})

    assert page.status_code == 409
    assert page.context["counted"].readers == 2
    assert "Ce n’est plus ce que vous avez lu" in page.content.decode()
    assert Broadcast.objects.count() == 0


def test_one_goes_back_to_what_one_typed(desk: Client, place: SimpleNamespace) -> None:
    page = desk.post(NEW, {**TYPED, "reprendre": "1"})

    assert page.context["form"]["texte"].value() == WORDS.text


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"objet": ""}, "objet"),
        ({"objet": "a\r\nBcc: x"}, "objet"),
        ({"texte": ""}, "texte"),
        ({"texte": "x" * 6001}, "texte"),
        ({"qui": "tous"}, "qui"),
        ({"ou": "edition"}, "ou"),
        ({"ou": "creneau:999999"}, "ou"),
        ({"objet_en": "Hello"}, "texte_en"),
    ],
)
def test_what_was_not_said_is_asked_at_its_field(
    desk: Client, place: SimpleNamespace, typed: dict[str, str], field: str
) -> None:
    page = desk.post(NEW, {**TYPED, **typed})

    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]


def test_the_choices_are_those_of_the_territory(desk: Client, place: SimpleNamespace) -> None:
    slot = a_slot(place)
    foreign = SlotFactory()

    choices = dict(desk.get(NEW, {"ou": f"creneau:{slot.pk}"}).context["form"].fields["ou"].choices)
    assert [value for value, _label in choices["Hôtes"]] == [f"hote:{place.host.pk}"]
    assert [value for value, _label in choices["Créneau"]] == [f"creneau:{slot.pk}"]
    assert "edition" not in choices
    assert "Créneau" not in dict(
        desk.get(NEW, {"ou": f"creneau:{foreign.pk}"}).context["form"].fields["ou"].choices
    )


def test_the_national_team_alone_reaches_the_whole_edition(
    client: Client, desk: Client, place: SimpleNamespace
) -> None:
    booked(SlotFactory(activity=ActivityFactory(festival=place.festival)), "ailleurs@example.org")
    national = UserFactory()
    FestivalTeam.objects.create(festival=place.festival, user=national)
    client.force_login(national)
    typed = {**TYPED, "ou": "edition"}
    vu = client.post(NEW, typed).context["counted"].fingerprint
    client.post(NEW, {**typed, "vu": vu, "envoyer": "1"})
    broadcast = Broadcast.objects.get()
    work()
    address = reverse("events:organiser_broadcast", args=["toulouse", broadcast.pk])

    assert client.get(address).status_code == 200
    client.force_login(place.organiser)
    assert client.get(address).status_code == 404
    assert client.post(f"{address}arreter/").status_code == 404


def test_what_did_not_arrive_stands_on_its_page(desk: Client, place: SimpleNamespace) -> None:
    booked(a_slot(place), "ada@example.org")
    broadcast = start(place)
    work()
    Message.objects.update(status=Status.FAILED, last_answer="550 no such user")

    page = desk.get(reverse("events:organiser_broadcast", args=["toulouse", broadcast.pk])).content.decode()

    assert "ada@example.org" in page
    assert "550 no such user" in page


def test_the_page_asks_for_its_part_and_is_told_when_nothing_is_new(
    desk: Client, place: SimpleNamespace
) -> None:
    booked(a_slot(place), "ada@example.org")
    broadcast = start(place)
    address = reverse("events:organiser_broadcast", args=["toulouse", broadcast.pk])
    seen = desk.get(address).context["seen"]

    assert desk.get(address, {"vu": seen}, headers={"HX-Request": "true"}).status_code == 204
    work()
    part = desk.get(address, {"vu": seen}, headers={"HX-Request": "true"})
    assert part.status_code == 200
    assert "<html" not in part.content.decode()


def test_a_pending_mail_of_it_is_taken_out_by_hand_and_no_other(desk: Client, place: SimpleNamespace) -> None:
    ada = booked(a_slot(place), "ada@example.org")
    start(place)
    work()
    bulk = Message.objects.get()
    owe(
        kind=Message.Kind.CONFIRMATION,
        dedupe_key="c",
        recipient="ada@example.org",
        locale="fr",
        now=NOW,
        registration=ada,
    )
    for message in Message.objects.all():
        desk.post(reverse("events:organiser_mail_cancel", args=["toulouse", message.pk]))

    assert Message.objects.get(pk=bulk.pk).status == Status.CANCELLED
    assert Message.objects.exclude(pk=bulk.pk).get().status == Status.PENDING


def test_the_list_costs_the_same_for_one_and_three(desk: Client, place: SimpleNamespace) -> None:
    booked(a_slot(place), "ada@example.org")
    start(place)
    address = "/organisation/toulouse/courriels/groupe/"
    desk.get(address)
    with CaptureQueriesContext(connection) as one:
        desk.get(address)
    start(place, words=Words("2", "2"))
    start(place, words=Words("3", "3"))
    with CaptureQueriesContext(connection) as three:
        desk.get(address)

    assert len(three) == len(one)


# The one click ----------------------------------------------------------------------------------------------


def test_one_click_ends_bulk_messages_alone_and_can_be_taken_back(client: Client, db: None) -> None:
    address = reverse("events:broadcasts_off", args=[broadcasts_token("Ada@example.org")])
    stop("ada@example.org", Suppression.Scope.REMINDERS, Suppression.Reason.UNSUBSCRIBED, now=NOW)

    client.get(address)
    assert Suppression.objects.filter(scope="broadcasts").count() == 0

    Client(enforce_csrf_checks=True).post(address, {"List-Unsubscribe": "One-Click"})
    assert Suppression.objects.filter(scope="broadcasts").count() == 1

    client.post(address, {"again": "1"})
    assert list(Suppression.objects.values_list("scope", flat=True)) == ["reminders"]


def test_a_token_made_elsewhere_does_nothing(client: Client, db: None) -> None:
    assert client.post("/sans-envoi/abc.def/").status_code == 404
    assert Suppression.objects.count() == 0
