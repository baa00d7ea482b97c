"""A draft made public: all at once, told to exactly those it concerns, or not at all."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core import mail

from events.mail.compose import compose
from events.models import (
    Appearance,
    DraftChange,
    HostMember,
    HostPerson,
    Message,
    Placement,
    Release,
    RoomOccupancy,
    Slot,
)
from events.refusals import Reason
from events.registration.invariants import find_drift
from events.scheduling.blocking import block_room
from events.scheduling.draft import plan_cancellation, plan_slot, swap_plans
from events.scheduling.following import differences, sync_draft
from events.scheduling.place import When, move_slot, place_slot
from events.scheduling.release import release_draft, review_draft
from tests.factories import (
    DAY,
    NOW,
    RegistrationFactory,
    RoomFactory,
    UserFactory,
)

from .places import a_slot, paris, refusal_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def slot(territory, room, organiser):
    slot = a_slot(territory, at=dt.time(10))
    return place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)


def plan(slot, room, by, at=None):
    when = When(DAY, at, slot.duration) if at else None
    return plan_slot(slot_id=slot.pk, room_id=room.pk if room else None, when=when, by=by, now=NOW)


def released(territory, slot, by, **more):
    review = review_draft(territory=territory, now=NOW)
    more.setdefault("fingerprint", review.fingerprint)
    return release_draft(territory=territory, festival=slot.activity.festival, by=by, now=NOW, **more)


def told(kind=Message.Kind.SLOT_MOVED):
    return sorted(Message.objects.filter(kind=kind).values_list("recipient", flat=True))


def held(slot):
    return list(RoomOccupancy.objects.active().filter(slot=slot).values_list("room__name", "starts_at"))


def test_the_public_timetable_is_what_the_draft_was(territory, slot, other_room, organiser):
    plan(slot, other_room, organiser, dt.time(15))

    release = released(territory, slot, organiser, name="Version de juin", note="Une salle plus grande.")

    slot.refresh_from_db()
    assert (slot.room, slot.starts_at, slot.revision) == (other_room, paris(15), 2)
    assert held(slot) == [("Salle Canal", paris(15))]
    assert differences(territory=territory, now=NOW) == []
    assert not DraftChange.objects.exists()
    assert (release.number, release.name, release.changes.get().kind) == (1, "Version de juin", "both")
    assert find_drift(now=NOW) == []


def test_exactly_those_whose_slot_moved_are_told(territory, slot, other_room, organiser):
    stays = a_slot(territory, at=dt.time(9))
    RegistrationFactory(slot=slot, visitor__email="moved@example.org")
    RegistrationFactory(slot=stays, visitor__email="stays@example.org")
    plan(slot, other_room, organiser, dt.time(15))

    released(territory, slot, organiser)

    assert told() == ["moved@example.org"]
    message = Message.objects.get(kind=Message.Kind.SLOT_MOVED)
    assert message.context["old_starts_at"] == paris(10).isoformat()
    assert message.context["old_place"] == "Grande salle, La Cantine"
    assert "15\u00a0h" in compose(message, now=NOW).body


def test_a_first_room_in_the_venue_they_know_is_no_news(territory, venue, room, organiser):
    slot = a_slot(territory, at=dt.time(10), venue=venue)
    RegistrationFactory(slot=slot)
    plan(slot, room, organiser)

    release = released(territory, slot, organiser)

    assert told() == []
    assert release.changes.get().is_public is False


def test_each_member_of_a_host_gets_one_mail_with_all_its_changes(territory, slot, other_room, organiser):
    host = slot.activity.host
    member = UserFactory(email="host@example.org", locale="fr")
    HostMember.objects.create(host=host, user=member)
    other = a_slot(territory, at=dt.time(12), activity=slot.activity)
    plan(slot, other_room, organiser, dt.time(15))
    plan(other, other_room, organiser)

    released(territory, slot, organiser)

    assert told(Message.Kind.HOST_SLOTS_CHANGED) == ["host@example.org"]
    body = compose(Message.objects.get(kind=Message.Kind.HOST_SLOTS_CHANGED), now=NOW).body
    assert body.count("Avant") == 2
    assert "Grande salle, La Cantine" in body
    assert "Salle Canal, La Cantine" in body


def test_two_slots_exchange_rooms_and_hours(territory, slot, room, other_room, organiser):
    other = a_slot(territory, at=dt.time(11), activity=slot.activity)
    place_slot(slot_id=other.pk, room_id=room.pk, by=organiser, now=NOW)
    person = HostPerson.objects.create(host=slot.activity.host, name="Camille")
    for one in (slot, other):
        Appearance.objects.create(person=person, slot=one, starts_at=one.starts_at, ends_at=one.ends_at)
    swap_plans(slot_id=slot.pk, other_id=other.pk, by=organiser, now=NOW)

    released(territory, slot, organiser)

    slot.refresh_from_db()
    other.refresh_from_db()
    assert (slot.starts_at, other.starts_at) == (paris(11), paris(10))
    assert (held(slot), held(other)) == ([("Grande salle", paris(11))], [("Grande salle", paris(10))])
    assert list(person.appearances.order_by("starts_at").values_list("slot", flat=True)) == [
        other.pk,
        slot.pk,
    ]


def test_a_cancelled_slot_gives_its_room_to_the_next(territory, slot, room, organiser):
    RegistrationFactory(slot=slot, visitor__email="gone@example.org")
    plan_cancellation(slot_id=slot.pk, by=organiser, now=NOW)
    other = a_slot(territory, at=dt.time(10))
    plan(other, room, organiser)

    released(territory, slot, organiser, reason="L’hôte ne peut pas venir.")

    slot.refresh_from_db()
    assert (slot.state, held(slot), held(other)) == (
        Slot.State.CANCELLED,
        [],
        [("Grande salle", paris(10))],
    )
    assert told(Message.Kind.SLOT_CANCELLED) == ["gone@example.org"]
    assert not Placement.objects.filter(slot=slot).exists()


def test_a_cancellation_without_a_reason_is_refused(territory, slot, organiser):
    plan_cancellation(slot_id=slot.pk, by=organiser, now=NOW)
    fingerprint = review_draft(territory=territory, now=NOW).fingerprint

    refused = refusal_of(
        release_draft,
        territory=territory,
        festival=slot.activity.festival,
        fingerprint=fingerprint,
        by=organiser,
        now=NOW,
    )

    assert refused.reason == Reason.REASON_NEEDED


def test_what_was_read_is_what_is_released(territory, slot, other_room, organiser):
    plan(slot, other_room, organiser)
    fingerprint = review_draft(territory=territory, now=NOW).fingerprint
    plan(slot, other_room, UserFactory(), dt.time(16))

    refused = refusal_of(
        release_draft,
        territory=territory,
        festival=slot.activity.festival,
        fingerprint=fingerprint,
        by=organiser,
        now=NOW,
    )

    slot.refresh_from_db()
    assert (refused.reason, slot.starts_at) == (Reason.CHANGED_MEANWHILE, paris(10))


def test_a_public_change_made_meanwhile_is_asked_about_too(territory, slot, other_room, organiser):
    plan(slot, other_room, organiser)
    fingerprint = review_draft(territory=territory, now=NOW).fingerprint
    move_slot(slot_id=slot.pk, day=DAY, start_time=dt.time(17), duration=60, by=organiser, now=NOW)

    refused = refusal_of(
        release_draft,
        territory=territory,
        festival=slot.activity.festival,
        fingerprint=fingerprint,
        by=organiser,
        now=NOW,
    )

    assert refused.reason == Reason.CHANGED_MEANWHILE


def test_a_room_blocked_meanwhile_stops_all_of_it(territory, slot, room, other_room, organiser):
    other = a_slot(territory, at=dt.time(12))
    plan(other, room, organiser)
    plan(slot, other_room, organiser, dt.time(15))
    block_room(
        room_id=other_room.pk, starts_at=paris(15), ends_at=paris(16), label="Ménage", by=organiser, now=NOW
    )
    fingerprint = review_draft(territory=territory, now=NOW).fingerprint

    refused = refusal_of(
        release_draft,
        territory=territory,
        festival=slot.activity.festival,
        fingerprint=fingerprint,
        by=organiser,
        now=NOW,
    )

    other.refresh_from_db()
    assert refused.reason == Reason.ROOM_OCCUPIED
    assert [row.label for row in refused.facts["in_the_way"]] == ["Ménage"]
    assert (other.room, Release.objects.count(), mail.outbox) == (None, 0, [])
    assert held(slot) == [("Grande salle", paris(10))]


def test_a_draft_that_changes_nothing_is_not_released(territory, slot, organiser):
    sync_draft(territory=territory, now=NOW)

    refused = refusal_of(
        release_draft,
        territory=territory,
        festival=slot.activity.festival,
        fingerprint="",
        by=organiser,
        now=NOW,
    )

    assert refused.reason == Reason.NOTHING_TO_RELEASE


def test_releases_count_up_and_can_be_looked_at_again(territory, slot, other_room, organiser):
    plan(slot, other_room, organiser)
    first = released(territory, slot, organiser)
    plan(slot, other_room, organiser, dt.time(16))
    second = released(territory, slot, organiser)

    assert [first.name, second.name] == ["v1", "v2"]
    assert [row["starts_at"] for row in first.snapshot] == [paris(10).isoformat()]
    assert [row["starts_at"] for row in second.snapshot] == [paris(16).isoformat()]


class TestWhatHasHappenedSinceItWasPlanned:
    """None of it may stop a release for good, and none may be a fault of the site."""

    def refusal(self, territory, slot, by, now=NOW):
        return refusal_of(
            release_draft,
            territory=territory,
            festival=slot.activity.festival,
            fingerprint=review_draft(territory=territory, now=now).fingerprint,
            by=by,
            now=now,
        )

    def test_a_slot_that_is_over_is_left_out(self, territory, slot, room, other_room, organiser):
        later = a_slot(territory, at=dt.time(18))
        plan(slot, other_room, organiser, dt.time(15))
        plan(later, room, organiser)
        now = slot.ends_at

        review = review_draft(territory=territory, now=now)
        release_draft(
            territory=territory,
            festival=slot.activity.festival,
            fingerprint=review.fingerprint,
            by=organiser,
            now=now,
        )

        later.refresh_from_db()
        assert [one.slot for one in review.differences] == [later]
        assert later.room == room
        assert not Placement.objects.filter(slot=slot).exists()

    def test_its_activity_begins_at_that_time_by_now(self, territory, slot, other_room, organiser):
        plan(slot, other_room, organiser, dt.time(15))
        other = a_slot(territory, at=dt.time(15), activity=slot.activity)

        refused = self.refusal(territory, slot, organiser)

        assert (refused.reason, refused.facts["slot"]) == (Reason.SAME_START, slot)
        assert other.room is None

    def test_it_has_more_places_than_the_room_may_hold(self, territory, slot, venue, organiser):
        small = RoomFactory(venue=venue, comfort_capacity=10, safety_capacity=12)
        plan(slot, small, organiser)
        Slot.objects.filter(pk=slot.pk).update(capacity=15, safety_capacity=None)

        refused = self.refusal(territory, slot, organiser)

        assert (refused.reason, refused.facts["safety_capacity"]) == (Reason.ROOM_TOO_SMALL, 12)

    def test_the_room_is_no_longer_in_use(self, territory, slot, other_room, organiser):
        plan(slot, other_room, organiser)
        other_room.is_active = False
        other_room.save()

        assert self.refusal(territory, slot, organiser).reason == Reason.ROOM_NOT_IN_USE

    def test_somebody_of_the_host_is_elsewhere(self, territory, slot, other_room, organiser):
        plan(slot, other_room, organiser, dt.time(15))
        other = a_slot(territory, at=dt.time(15, 30))
        person = HostPerson.objects.create(host=slot.activity.host, name="Camille")
        for one in (slot, other):
            Appearance.objects.create(person=person, slot=one, starts_at=one.starts_at, ends_at=one.ends_at)

        refused = self.refusal(territory, slot, organiser)

        assert refused.reason == Reason.PERSON_BUSY
        assert [row.slot for row in refused.facts["in_the_way"]] == [other]
