"""From draft to published: who is told, what changes, and each way a decision is refused."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from events.models import (
    Absence,
    Activity,
    HostMember,
    JournalEntry,
    Message,
    Mode,
    Opening,
    RuleLevel,
    Slot,
)
from events.moderation import (
    accept_activity,
    announce_activity,
    cancel_activity,
    readiness,
    reject_activity,
    reopen_activity,
    request_changes,
    submit_activity,
    take_back_activity,
)
from events.refusals import Reason, Refused
from events.registration.book import register_party
from tests.factories import (
    DAY,
    NOW,
    ActivityFactory,
    AppearanceFactory,
    HostFactory,
    SlotFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
State = Activity.State


def ready_activity(state: str = State.DRAFT, **changes: Any) -> Activity:
    """An activity with all it needs: a text, a language and a slot, and two members of its host."""
    fields = {"description_fr": "Une serre, des capteurs.", "languages": ["fr"], **changes}
    activity = ActivityFactory(state=state, **fields)
    SlotFactory(activity=activity, state=Slot.State.DRAFT)
    for email, locale in (("ada@hote.example", "fr"), ("bob@hote.example", "en")):
        HostMember.objects.create(host=activity.host, user=UserFactory(email=email, locale=locale))
    return activity


def mails() -> list[tuple[str, str, str]]:
    return list(Message.objects.order_by("pk").values_list("kind", "recipient", "locale"))


class TestSubmit:
    def test_it_goes_to_the_organisers_and_every_member_is_told(self):
        activity, by = ready_activity(), UserFactory()
        activity.territory.contact_email = "relais@ville.example"
        activity.territory.save()

        submit_activity(activity_id=activity.pk, by=by, now=NOW)

        activity.refresh_from_db()
        assert (activity.state, activity.submitted_at) == (State.SUBMITTED, NOW)
        assert mails() == [
            ("submitted", "ada@hote.example", "fr"),
            ("submitted", "bob@hote.example", "en"),
            ("submitted", "relais@ville.example", "fr"),
        ]
        assert list(JournalEntry.objects.values_list("verb", "actor", "activity")) == [
            ("submitted", by.pk, activity.pk)
        ]

    def test_after_changes_were_asked_it_may_be_submitted_again(self):
        activity = ready_activity(State.CHANGES_REQUESTED)

        submit_activity(activity_id=activity.pk, by=UserFactory(), now=NOW)

        assert Activity.objects.get().state == State.SUBMITTED

    @pytest.mark.parametrize(
        "state", [State.SUBMITTED, State.READY, State.PUBLISHED, State.REJECTED, State.CANCELLED]
    )
    def test_refused_from_any_other_state(self, state):
        activity = ready_activity(state)

        with pytest.raises(Refused) as refused:
            submit_activity(activity_id=activity.pk, by=UserFactory(), now=NOW)

        assert (refused.value.reason, refused.value.facts["state"]) == (Reason.WRONG_STATE, state)
        assert mails() == []

    def test_refused_without_a_slot_to_come(self):
        activity = ready_activity()
        later = dt.datetime(2027, 6, 11, tzinfo=dt.UTC)

        with pytest.raises(Refused) as refused:
            submit_activity(activity_id=activity.pk, by=UserFactory(), now=later)

        assert refused.value.reason == Reason.NO_SLOT
        assert (Activity.objects.get().state, mails()) == (State.DRAFT, [])

    @pytest.mark.parametrize(
        ("changes", "missing"),
        [
            ({"description_fr": " "}, ["description"]),
            ({"languages": []}, ["languages"]),
            ({"title_fr": ""}, ["title"]),
        ],
    )
    def test_refused_while_something_is_missing_and_it_is_named(self, changes, missing):
        activity = ready_activity(**changes)

        with pytest.raises(Refused) as refused:
            submit_activity(activity_id=activity.pk, by=UserFactory(), now=NOW)

        assert (refused.value.reason, refused.value.facts["missing"]) == (Reason.INCOMPLETE, missing)
        assert (Activity.objects.get().state, JournalEntry.objects.count()) == (State.DRAFT, 0)

    def test_booked_visits_need_a_number_of_places_and_drop_in_none(self):
        booked = ready_activity()
        free = ActivityFactory(mode=Mode.DROP_IN, description_fr="Entrez.", languages=["fr"])
        booked.slots.update(capacity=None)
        SlotFactory(activity=free, state=Slot.State.DRAFT, capacity=None)

        needed = {point.code: point.is_done for point in readiness(activity=booked, now=NOW)}
        free_points = [point.code for point in readiness(activity=free, now=NOW)]

        assert needed == {
            "title": True,
            "description": True,
            "languages": True,
            "slot": True,
            "capacity": False,
        }
        assert free_points == ["title", "description", "languages", "slot"]


class TestAccept:
    def test_the_activity_and_its_slots_to_come_are_published(self):
        activity, by = ready_activity(State.SUBMITTED, moderation_note="Plus court ?"), UserFactory()
        over = SlotFactory(activity=activity, day=dt.date(2027, 4, 1), state=Slot.State.DRAFT)
        gone = SlotFactory(activity=activity, state=Slot.State.CANCELLED, cancelled_at=NOW)

        accept_activity(activity_id=activity.pk, by=by, now=NOW)

        activity.refresh_from_db()
        assert (activity.state, activity.published_at, activity.moderation_note) == (State.PUBLISHED, NOW, "")
        states = dict(activity.slots.exclude(pk__in=[over.pk, gone.pk]).values_list("pk", "state"))
        assert set(states.values()) == {Slot.State.PUBLISHED}
        over.refresh_from_db(), gone.refresh_from_db()
        assert (over.state, gone.state) == (Slot.State.DRAFT, Slot.State.CANCELLED)
        assert [kind for kind, _to, _locale in mails()] == ["published", "published"]
        assert JournalEntry.objects.get().verb == "accepted"

    def test_booking_opens_when_the_edition_says_unless_the_slot_does(self):
        opens, own = NOW + dt.timedelta(days=7), NOW + dt.timedelta(days=9)
        activity = ready_activity(State.SUBMITTED)
        Opening.objects.create(festival=activity.festival, opens_at=opens)
        kept = SlotFactory(activity=activity, state=Slot.State.DRAFT, opens_at=own)

        accept_activity(activity_id=activity.pk, by=UserFactory(), now=NOW)

        assert list(activity.slots.in_order().values_list("pk", "opens_at").order_by("pk")) == [
            (activity.slots.order_by("pk")[0].pk, opens),
            (kept.pk, own),
        ]

    def test_what_may_not_be_released_is_not_published(self):
        activity = ready_activity(State.SUBMITTED)
        slot = SlotFactory(activity=activity, state=Slot.State.DRAFT)
        person = AppearanceFactory(slot=slot).person
        absence = Absence.objects.create(person=person, starts_at=slot.starts_at, ends_at=slot.ends_at)

        with pytest.raises(Refused) as refused:
            accept_activity(activity_id=activity.pk, by=UserFactory(), now=NOW)

        assert refused.value.reason == Reason.RULE_BROKEN
        assert [finding.facts["absence"] for finding in refused.value.facts["findings"]] == [absence]
        assert Activity.objects.get().state == State.SUBMITTED
        RuleLevel.objects.create(festival=activity.festival, rule="away", level="warn")
        accept_activity(activity_id=activity.pk, by=UserFactory(), now=NOW)
        assert Activity.objects.get().state == State.PUBLISHED

    def test_the_second_of_two_organisers_is_told_it_was_decided(self):
        activity = ready_activity(State.SUBMITTED)
        accept_activity(activity_id=activity.pk, by=UserFactory(), now=NOW)

        with pytest.raises(Refused) as refused:
            reject_activity(activity_id=activity.pk, reason="Trop tard", by=UserFactory(), now=NOW)

        assert refused.value.reason == Reason.WRONG_STATE
        assert Activity.objects.get().state == State.PUBLISHED
        assert [kind for kind, _to, _locale in mails()] == ["published", "published"]

    @pytest.mark.parametrize("state", [State.DRAFT, State.CHANGES_REQUESTED, State.REJECTED, State.CANCELLED])
    def test_refused_when_nobody_submitted_it(self, state):
        activity = ready_activity(state)

        with pytest.raises(Refused) as refused:
            accept_activity(activity_id=activity.pk, by=UserFactory(), now=NOW)

        assert refused.value.reason == Reason.WRONG_STATE
        assert not activity.slots.filter(state=Slot.State.PUBLISHED).exists()


@pytest.mark.parametrize(
    ("rule", "state", "kind"),
    [
        (request_changes, State.CHANGES_REQUESTED, "changes_requested"),
        (reject_activity, State.REJECTED, "rejected"),
    ],
)
class TestSendBack:
    def test_the_reason_is_kept_and_mailed_to_every_member(self, rule, state, kind):
        activity = ready_activity(State.SUBMITTED)

        rule(activity_id=activity.pk, reason="  Deux créneaux ? ", by=UserFactory(), now=NOW)

        activity.refresh_from_db()
        assert (activity.state, activity.moderation_note) == (state, "Deux créneaux ?")
        assert mails() == [(kind, "ada@hote.example", "fr"), (kind, "bob@hote.example", "en")]
        assert [message.context for message in Message.objects.all()] == [{"reason": "Deux créneaux ?"}] * 2
        assert list(JournalEntry.objects.values_list("verb", "text")) == [(kind, "Deux créneaux ?")]

    @pytest.mark.parametrize("reason", ["", "  \n"])
    def test_refused_without_a_reason(self, rule, state, kind, reason):
        activity = ready_activity(State.SUBMITTED)

        with pytest.raises(Refused) as refused:
            rule(activity_id=activity.pk, reason=reason, by=UserFactory(), now=NOW)

        assert refused.value.reason == Reason.REASON_NEEDED
        assert (Activity.objects.get().state, mails()) == (State.SUBMITTED, [])

    @pytest.mark.parametrize("was", [State.DRAFT, State.PUBLISHED, State.REJECTED, State.CANCELLED])
    def test_refused_when_it_is_not_being_read(self, rule, state, kind, was):
        activity = ready_activity(was)

        with pytest.raises(Refused) as refused:
            rule(activity_id=activity.pk, reason="Non", by=UserFactory(), now=NOW)

        assert refused.value.reason == Reason.WRONG_STATE
        assert mails() == []


class TestHostTakesItUpAgain:
    def test_a_submitted_activity_comes_back_as_a_draft(self):
        activity = ready_activity(State.SUBMITTED, submitted_at=NOW)

        take_back_activity(activity_id=activity.pk, by=UserFactory(), now=NOW)

        activity.refresh_from_db()
        assert (activity.state, activity.submitted_at) == (State.DRAFT, None)
        assert JournalEntry.objects.get().verb == "taken_back"

    def test_a_decided_one_does_not(self):
        activity = ready_activity(State.PUBLISHED)

        with pytest.raises(Refused) as refused:
            take_back_activity(activity_id=activity.pk, by=UserFactory(), now=NOW)

        assert refused.value.reason == Reason.WRONG_STATE

    def test_a_rejected_activity_may_be_started_again_with_what_was_said(self):
        activity = ready_activity(State.REJECTED, moderation_note="Hors sujet")

        reopen_activity(activity_id=activity.pk, by=UserFactory(), now=NOW)

        activity.refresh_from_db()
        assert (activity.state, activity.moderation_note) == (State.DRAFT, "Hors sujet")

    def test_one_that_was_not_rejected_is_not_reopened(self):
        activity = ready_activity(State.CANCELLED)

        with pytest.raises(Refused) as refused:
            reopen_activity(activity_id=activity.pk, by=UserFactory(), now=NOW)

        assert refused.value.reason == Reason.WRONG_STATE


class TestCancel:
    def _published(self) -> Activity:
        activity = ready_activity(State.PUBLISHED)
        activity.slots.update(state=Slot.State.PUBLISHED)
        return activity

    def _book(self, slot: Slot, email: str) -> None:
        import uuid

        register_party(slot_id=slot.pk, email=email, party_size=2, submission_id=uuid.uuid4(), now=NOW)

    def test_every_slot_to_come_is_withdrawn_and_everybody_told(self):
        activity = self._published()
        first, second = activity.slots.get(), SlotFactory(activity=activity, day=DAY + dt.timedelta(days=1))
        SlotFactory(activity=activity, day=DAY + dt.timedelta(days=2), state=Slot.State.DRAFT)
        self._book(first, "a@visite.example")
        self._book(second, "b@visite.example")

        cancel_activity(activity_id=activity.pk, reason="Dégât des eaux", by=UserFactory(), now=NOW)

        activity.refresh_from_db()
        assert activity.state == State.CANCELLED
        assert list(activity.slots.in_order().values_list("state", "taken", "cancelled_by_host")) == [
            ("cancelled", 0, True),
            ("cancelled", 0, True),
        ]
        told = Message.objects.filter(kind="slot_cancelled").order_by("recipient")
        assert [(message.recipient, message.context["reason"]) for message in told] == [
            ("a@visite.example", "Dégât des eaux"),
            ("b@visite.example", "Dégât des eaux"),
        ]

    def test_what_is_over_stays_as_it_was(self):
        activity = self._published()
        over = SlotFactory(activity=activity, day=dt.date(2027, 4, 1))

        cancel_activity(activity_id=activity.pk, reason="Fini", by=UserFactory(), now=NOW)

        over.refresh_from_db()
        assert over.state == Slot.State.PUBLISHED

    def test_refused_without_a_reason(self):
        activity = self._published()

        with pytest.raises(Refused) as refused:
            cancel_activity(activity_id=activity.pk, reason=" ", by=UserFactory(), now=NOW)

        assert refused.value.reason == Reason.REASON_NEEDED

    @pytest.mark.parametrize("state", [State.DRAFT, State.SUBMITTED, State.REJECTED, State.CANCELLED])
    def test_refused_when_it_is_not_published(self, state):
        activity = ready_activity(state)

        with pytest.raises(Refused) as refused:
            cancel_activity(activity_id=activity.pk, reason="Non", by=UserFactory(), now=NOW)

        assert refused.value.reason == Reason.WRONG_STATE


def test_a_member_without_an_active_account_gets_no_mail():
    activity = ready_activity(State.SUBMITTED)
    HostMember.objects.create(host=activity.host, user=UserFactory(is_active=False))
    HostMember.objects.create(host=HostFactory(), user=UserFactory())

    accept_activity(activity_id=activity.pk, by=UserFactory(), now=NOW)

    assert [to for _kind, to, _locale in mails()] == ["ada@hote.example", "bob@hote.example"]


def test_what_is_announced_is_kept_and_noted_and_may_be_taken_back() -> None:
    activity = ActivityFactory(state=State.PUBLISHED)
    by = UserFactory()

    announce_activity(activity_id=activity.pk, announced="moved_online", by=by, now=NOW)
    assert Activity.objects.get(pk=activity.pk).announced == "moved_online"
    announce_activity(activity_id=activity.pk, announced="", by=by, now=NOW)

    assert Activity.objects.get(pk=activity.pk).announced == ""
    noted = JournalEntry.objects.filter(activity=activity).order_by("pk").values_list("verb", "text", "actor")
    assert list(noted) == [("announced", "moved_online", by.pk), ("announced", "", by.pk)]
    assert mails() == []


@pytest.mark.parametrize("state", [State.DRAFT, State.SUBMITTED, State.CANCELLED])
def test_nothing_is_announced_of_what_is_not_public(state: str) -> None:
    activity = ActivityFactory(state=state)

    with pytest.raises(Refused) as refused:
        announce_activity(activity_id=activity.pk, announced="postponed", by=UserFactory(), now=NOW)

    assert refused.value.reason == Reason.WRONG_STATE
    assert Activity.objects.get(pk=activity.pk).announced == ""
