"""What waits for the organiser, the figures, the queue and the decisions."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from events.models import Activity, HostMember, Message, OpeningHours
from events.scheduling.place import place_slot
from events.views.organiser_chart import draw
from tests.factories import NOW, HostFactory, RegistrationFactory, UserFactory

from .conftest import a_slot, submitted


def url(name, *arguments):
    return reverse(f"events:organiser_{name}", args=["toulouse", *arguments])


def waiting(desk):
    return [(task.number, task.title) for task in desk.get(url("territory")).context["tasks"]]


def test_nothing_waits_in_a_quiet_territory(desk, place):
    place_slot(slot_id=a_slot(place).pk, room_id=place.room.pk, by=place.organiser, now=NOW)

    assert waiting(desk) == []


def test_what_waits_is_counted(desk, place):
    submitted(place)
    a_slot(place)
    full = a_slot(place, at=dt.time(12), capacity=4, taken=4, waiting=2)
    a_slot(place, at=dt.time(14), capacity=10, taken=9)
    closed = a_slot(place, at=dt.time(20))
    for slot in (full, closed):
        place_slot(slot_id=slot.pk, room_id=place.room.pk, by=place.organiser, now=NOW)
    OpeningHours.objects.create(venue=place.venue, weekday=4, opens=dt.time(9), closes=dt.time(18))
    Message.objects.create(
        kind=Message.Kind.CONFIRMATION,
        dedupe_key="confirm:1:0",
        recipient="x@example.org",
        registration=RegistrationFactory(slot=full),
        territory=place.territory,
        message_id="<1@example.org>",
        status=Message.Status.FAILED,
        next_attempt_at=NOW,
        created_at=NOW,
    )

    assert waiting(desk) == [
        (1, "Créneaux quand leur lieu est fermé"),
        (1, "Activités à relire"),
        (2, "Créneaux sans salle"),
        (1, "Adresses qui refusent les messages"),
        (1, "Portes complètes avec liste d’attente"),
        (1, "Portes presque complètes"),
    ]


def test_nearly_empty_doors_count_a_week_ahead(client, place, monkeypatch):
    a_slot(place)
    monkeypatch.setattr("django.utils.timezone.now", lambda: dt.datetime(2027, 6, 5, 8, tzinfo=dt.UTC))
    client.force_login(place.organiser)

    assert (1, "Portes presque vides") in waiting(client)


def test_the_figures_are_those_of_the_territory(desk, place):
    a_slot(place, capacity=10, taken=4, waiting=1)
    a_slot(place, at=dt.time(12), state="draft")
    a_slot(place, at=dt.time(13), state="cancelled", cancelled_at=NOW)
    RegistrationFactory()

    figures = desk.get(url("territory")).context["figures"]

    assert figures == {
        "places_taken": 4,
        "places": 10,
        "people_waiting": 1,
        "published": 1,
        "doors": 2,
        "followers": 0,
    }


def test_the_curve_counts_places_as_they_still_stand(desk, place):
    slot = a_slot(place)
    for days, size, status in [(3, 2, "confirmed"), (1, 3, "confirmed"), (1, 4, "cancelled")]:
        RegistrationFactory(
            slot=slot,
            party_size=size,
            status=status,
            confirmed_at=NOW - dt.timedelta(days=days),
            cancelled_at=NOW if status == "cancelled" else None,
        )

    chart = desk.get(url("territory")).context["chart"]

    assert chart.total == "5"
    assert chart.rows[-1] == ("3\xa0mai", "5")


def test_a_curve_is_never_drawn_beyond_its_box():
    days = {dt.date(2027, 1, 1) + dt.timedelta(days=n): n for n in range(0, 200, 3)}

    chart = draw(days, today=dt.date(2027, 8, 1), end=dt.date(2027, 9, 1))

    numbers = [float(word) for word in chart.line[1:].split()]
    assert 40 <= min(numbers[::2]) <= max(numbers[::2]) <= 580
    assert 25.5 <= min(numbers[1::2]) <= max(numbers[1::2]) <= 200.5
    assert len(numbers) <= 2 * 61


def test_no_curve_without_a_booking():
    assert draw({}, today=dt.date(2027, 8, 1), end=dt.date(2027, 9, 1)) is None


# Moderation -----------------------------------------------------------------------------------------------


def test_the_queue_holds_what_was_submitted_the_oldest_first(desk, place):
    young = submitted(place, submitted_at=NOW - dt.timedelta(hours=1))
    old = submitted(place)
    submitted(place, state="draft", submitted_at=None)
    submitted(place, host=HostFactory())

    assert desk.get(url("moderation")).context["waiting"] == [old, young]


def test_the_review_shows_what_is_like_it_and_what_is_missing(desk, place):
    activity = submitted(place, title_fr="Un robot jardinier bis")
    a_slot(place, activity=activity)

    page = desk.get(url("review", activity.pk))

    assert page.context["alike"] == [place.activity]
    assert [point["label"] for point in page.context["points"] if not point["is_done"]] == [
        "Le titre et le texte aussi en anglais",
        "L’accessibilité précisée",
    ]


@pytest.mark.parametrize(
    ("decision", "state", "kind"),
    [
        ("accept", Activity.State.PUBLISHED, "published"),
        ("changes", Activity.State.CHANGES_REQUESTED, "changes_requested"),
        ("reject", Activity.State.REJECTED, "rejected"),
    ],
)
def test_each_decision_is_told_by_mail(desk, place, decision, state, kind):
    HostMember.objects.create(host=place.host, user=UserFactory(email="hote@example.org"))
    activity = submitted(place)
    a_slot(place, activity=activity, state="draft")

    answer = desk.post(url("decide", activity.pk), {"decision": decision, "reason": "Précisez le quartier."})

    activity.refresh_from_db()
    assert (answer.status_code, activity.state) == (302, state)
    assert list(Message.objects.values_list("kind", "recipient")) == [(kind, "hote@example.org")]


@pytest.mark.parametrize("decision", ["changes", "reject"])
def test_no_refusal_without_a_reason(desk, place, decision):
    activity = submitted(place)

    answer = desk.post(url("decide", activity.pk), {"decision": decision, "reason": "  "})

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["reason"]
    activity.refresh_from_db()
    assert activity.state == Activity.State.SUBMITTED


def test_what_is_decided_is_not_decided_again(desk, place):
    activity = submitted(place, state="published")

    answer = desk.post(url("decide", activity.pk), {"decision": "reject", "reason": "Non."})

    assert answer.status_code == 409
    activity.refresh_from_db()
    assert activity.state == Activity.State.PUBLISHED


def test_an_unknown_decision_decides_nothing(desk, place):
    activity = submitted(place)

    assert desk.post(url("decide", activity.pk), {"decision": "maybe"}).status_code == 422


@pytest.mark.parametrize("name", ["territory", "moderation", "board", "slots", "venues", "hosts", "messages"])
@pytest.mark.parametrize("asked", ["q", "apres", "jour", "lieu", "etat", "creneau"])
def test_a_sign_that_is_no_text_is_left_out_of_what_is_asked(desk, place, name, asked):
    a_slot(place)

    is_no_venue = (name, asked) == ("board", "lieu")
    assert desk.get(url(name), {asked: "a\x00b"}).status_code == (404 if is_no_venue else 200)


def test_nor_is_it_looked_for_among_those_who_come(desk, place):
    slot = a_slot(place)

    assert desk.get(url("slot", slot.pk), {"q": "\x00"}).status_code == 200


def test_organisers_say_what_became_of_an_activity_and_every_page_says_it(desk, place):
    slot = a_slot(place)
    activity = slot.activity
    pages = [
        reverse("events:programme"),
        reverse("events:agenda"),
        reverse("events:territory", args=[place.territory.slug]),
        activity.get_absolute_url(),
        slot.get_absolute_url(),
    ]

    answer = desk.post(url("decide", activity.pk), {"decision": "announce", "announced": "moved_online"})

    assert answer.status_code == 302
    assert [path for path in pages if "Passé en ligne" not in Client().get(path).content.decode()] == []
    assert "Passé en ligne" in desk.get(url("review", activity.pk)).content.decode()

    desk.post(url("decide", activity.pk), {"decision": "announce", "announced": ""})
    assert [path for path in pages if "Passé en ligne" in Client().get(path).content.decode()] == []


def test_an_unknown_announcement_is_refused_at_its_field(desk, place):
    activity = a_slot(place).activity

    answer = desk.post(url("decide", activity.pk), {"decision": "announce", "announced": "dansé"})

    assert answer.status_code == 422
    assert "announced" in answer.context["announce_form"].errors
