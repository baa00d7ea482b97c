"""After an erasure a search of the whole database finds nothing, and the books are right."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from io import StringIO
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import User
from events.links import hash_of_address
from events.models import (
    Absence,
    ErasedCount,
    Host,
    HostMember,
    HostPerson,
    KeptMail,
    Message,
    Registration,
    RoomRequest,
    Slot,
    Suppression,
    Visitor,
)
from events.registration.book import register_party
from events.registration.cancel import cancel_registration
from events.registration.forgetting import OnlyKeeper, erase_person, export_person, purge_expired
from events.registration.invariants import find_drift
from tests.factories import (
    NOW,
    ActivityFactory,
    AppearanceFactory,
    FestivalFactory,
    HostFactory,
    HostPersonFactory,
    RoomFactory,
    SlotFactory,
    UserFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db
EMAIL = "camille@example.org"
OTHER = "dominique@example.org"
LATER = NOW + dt.timedelta(hours=1)


def register(slot: Slot, email: str = EMAIL, party_size: int = 1, **kwargs: Any) -> Registration:
    return register_party(
        slot_id=slot.pk, email=email, party_size=party_size, submission_id=uuid.uuid4(), now=NOW, **kwargs
    ).registration


def mentions(text: str) -> list[str]:
    """The tables of the database that hold this text anywhere, letter case aside."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            if text.lower() in str(cursor.fetchall()).lower():
                found.append(table)
    return found


def numbers(slot: Slot) -> dict[str, int]:
    fields = ("registrations", "places", "came", "given_back", "waited")
    return dict(ErasedCount.objects.filter(slot=slot).values(*fields).get())


class TestErasingAPerson:
    def test_leaves_no_trace_and_true_books(self) -> None:
        past = SlotFactory(start_time=dt.time(9))
        coming = SlotFactory(start_time=dt.time(14), capacity=3)
        register(coming, party_size=2)
        register(coming, OTHER)
        waiting = register(coming, "sacha@example.org", wait=True)
        register(past, party_size=3, name="")
        KeptMail.objects.create(
            recipient=f"Camille <{EMAIL}>", subject="Votre billet", source=f"To: {EMAIL}", kept_at=NOW
        )
        Suppression.objects.create(email_hash=hash_of_address(EMAIL))
        assert {"events_visitor", "events_message", "events_keptmail"} <= set(mentions(EMAIL))
        after = past.starts_at + dt.timedelta(minutes=1)

        erased = erase_person(email="Camille@Example.org", now=after)

        assert mentions(EMAIL) == []
        assert erased == {
            "registrations": 2,
            "visitors": 1,
            "mails": 3,
            "accounts": 0,
            "follows": 0,
            "host_people": 0,
            "venue_contacts": 0,
            "mentions": 0,
        }
        waiting.refresh_from_db()
        assert waiting.status == "held"
        assert numbers(past) == {"registrations": 1, "places": 3, "came": 0, "given_back": 0, "waited": 0}
        assert numbers(coming) == {"registrations": 0, "places": 0, "came": 0, "given_back": 1, "waited": 0}
        assert find_drift(now=after) == []
        assert Suppression.objects.exists()
        assert Visitor.objects.filter(email=OTHER).exists()

    def test_takes_the_account_and_what_was_typed_elsewhere(self) -> None:
        user = UserFactory(email=EMAIL)
        EmailAddress.objects.create(user=user, email=EMAIL, verified=True)
        host = HostFactory(contact_email="Camille@example.org", description_fr=f"Écrire à {EMAIL}, merci.")
        HostMember.objects.create(host=host, user=user)
        ActivityFactory(host=host, created_by=user)
        LogEntry.objects.create(
            user=UserFactory(),
            content_type=ContentType.objects.get_for_model(User),
            object_id=str(user.pk),
            object_repr=EMAIL,
            action_flag=CHANGE,
        )

        erase_person(email=EMAIL, now=NOW)

        host.refresh_from_db()
        assert mentions(EMAIL) == []
        assert (host.contact_email, host.description_fr) == ("", "Écrire à […], merci.")
        assert not User.objects.filter(pk=user.pk).exists()

    def test_an_address_that_contains_it_is_another(self) -> None:
        register(SlotFactory(), f"x{EMAIL}")
        KeptMail.objects.create(recipient=f"x{EMAIL}", subject="", source="", kept_at=NOW)

        erase_person(email=EMAIL, now=NOW)

        assert KeptMail.objects.count() == Message.objects.count() == 1
        assert Visitor.objects.get().email == f"x{EMAIL}"

    def test_the_only_superuser_stays(self) -> None:
        UserFactory(email=EMAIL, is_superuser=True)

        with pytest.raises(OnlyKeeper):
            erase_person(email=EMAIL, now=NOW)

        assert User.objects.filter(email=EMAIL).exists()

    def test_an_unknown_address_is_no_error(self) -> None:
        assert set(erase_person(email=EMAIL, now=NOW).values()) == {0}


class TestExport:
    def test_gives_everything_of_one_address(self) -> None:
        registration = register(SlotFactory(activity__title_fr="Un robot au jardin"), party_size=2)
        register(SlotFactory(), OTHER)
        UserFactory(email=EMAIL, name="Camille Martin")

        out = StringIO()
        call_command("privacy_export", "Camille@example.org", stdout=out)

        said = json.loads(out.getvalue())
        assert [(r["reference"], r["activity"], r["places"]) for r in said["registrations"]] == [
            (registration.reference, "Un robot au jardin", 2)
        ]
        assert [mail["kind"] for mail in said["mails"]] == ["confirmation"]
        assert [account["name"] for account in said["account"]] == ["Camille Martin"]
        assert said["no_reminders"] is False
        assert OTHER not in out.getvalue()

    def test_an_unknown_address_has_nothing(self) -> None:
        known = export_person(email=EMAIL)

        assert known == {
            "email": EMAIL,
            "visitor": [],
            "registrations": [],
            "ballots": [],
            "mails": [],
            "no_reminders": False,
            "stopped_mails": [],
            "returned_mails": [],
            "follows": [],
            "account": [],
            "receives_for": [],
            "contact_of": [],
            "room_requests": [],
        }


class TestPurge:
    def test_names_go_after_thirty_days(self) -> None:
        slot = SlotFactory(activity=ActivityFactory(ask_name=True))
        registration = register(slot, name="Camille")

        purge_expired(now=slot.ends_at + dt.timedelta(days=30))
        registration.refresh_from_db()
        assert registration.name == "Camille"

        purge_expired(now=slot.ends_at + dt.timedelta(days=30, seconds=1))
        registration.refresh_from_db()
        assert registration.name == ""

    def test_registrations_go_after_ninety_days_and_leave_numbers(self) -> None:
        slot = SlotFactory(capacity=5)
        came = register(slot, party_size=2)
        Registration.objects.filter(pk=came.pk).update(checked_in_at=slot.starts_at)
        register(slot, OTHER, 3)
        gone = register(slot, "sacha@example.org", wait=True)
        register(slot, "alix@example.org", wait=True)
        cancel_registration(registration_id=gone.pk, now=NOW)
        Visitor.objects.update(created_at=NOW)

        erased = purge_expired(now=slot.ends_at + dt.timedelta(days=90))
        assert erased["registrations"] == 0
        later = slot.ends_at + dt.timedelta(days=90, seconds=1)
        erased = purge_expired(now=later)

        assert (erased["registrations"], erased["visitors"]) == (4, 4)
        assert numbers(slot) == {"registrations": 2, "places": 5, "came": 2, "given_back": 1, "waited": 1}
        for email in (EMAIL, OTHER, "sacha@example.org", "alix@example.org"):
            assert mentions(email) == []
        slot.refresh_from_db()
        assert (slot.taken, slot.waiting) == (5, 0)
        assert find_drift(now=later) == []
        assert purge_expired(now=later)["registrations"] == 0

    def test_a_visitor_with_a_visit_to_come_stays(self) -> None:
        past, coming = SlotFactory(), SlotFactory(day=dt.date(2028, 6, 10))
        register(past)
        kept = register(coming)

        purge_expired(now=past.ends_at + dt.timedelta(days=91))

        assert list(Registration.objects.all()) == [kept]
        assert Message.objects.filter(registration=kept).count() == 1
        assert Visitor.objects.get().email == EMAIL

    def test_the_command_takes_a_time(self) -> None:
        slot = SlotFactory()
        register(slot)

        out = StringIO()
        call_command("purge_expired", "--now", "2027-12-01T04:00", stdout=out)

        assert out.getvalue().startswith("1 registrations, ")
        assert not Registration.objects.exists()

    def test_the_command_refuses_what_is_no_time(self) -> None:
        with pytest.raises(CommandError):
            call_command("purge_expired", "--now", "demain")


class TestTheTimetable:
    """People of hosts, contacts of venues, requests for rooms."""

    def known(self) -> None:
        asked_by = UserFactory(email=EMAIL)
        person = AppearanceFactory(person__email=EMAIL, person__name="Camille Bernard").person
        Absence.objects.create(person=person, starts_at=NOW, ends_at=LATER, reason="RDV")
        HostPersonFactory(user=asked_by, name="C. Bernard")
        venue = VenueFactory(contact_name="Camille Bernard", contact_email=EMAIL, contact_phone="0561")
        RoomRequest.objects.create(
            room=RoomFactory(venue=venue),
            label="Répétition",
            message=f"Répondez à {EMAIL}",
            starts_at=NOW,
            ends_at=LATER,
            asked_by=asked_by,
            asked_at=NOW,
        )

    def test_is_told(self) -> None:
        self.known()
        told = export_person(email=EMAIL)
        assert [
            (one["name"], len(one["receives"]), len(one["absences"])) for one in told["receives_for"]
        ] == [
            ("Camille Bernard", 1, 1),
            ("C. Bernard", 0, 0),
        ]
        assert [one["contact_phone"] for one in told["contact_of"]] == ["0561"]
        assert [one["message"] for one in told["room_requests"]] == [f"Répondez à {EMAIL}"]

    def test_is_erased(self) -> None:
        self.known()
        erased = erase_person(email=EMAIL, now=NOW)
        assert (erased["host_people"], erased["venue_contacts"], erased["mentions"]) == (2, 1, 1)
        assert mentions(EMAIL) == []
        assert mentions("Bernard") == []
        assert RoomRequest.objects.get().message == "Répondez à […]"

    def test_people_go_90_days_after_their_edition(self) -> None:
        row = AppearanceFactory(slot__activity__festival__ends_on=dt.date(2027, 6, 12))
        person = row.person
        HostPersonFactory(host=person.host)
        Absence.objects.create(person=person, starts_at=row.starts_at, ends_at=row.ends_at)
        Host.objects.update(created_at=NOW)

        last_day = dt.datetime(2027, 9, 10, 12, tzinfo=dt.UTC)
        assert purge_expired(now=last_day)["host_people"] == 0
        assert purge_expired(now=last_day + dt.timedelta(days=1))["host_people"] == 2
        assert (HostPerson.objects.count(), Absence.objects.count(), Slot.objects.count()) == (0, 0, 1)

    def test_who_receives_again_stays_and_so_does_who_is_ready_to(self) -> None:
        person = AppearanceFactory(slot__activity__festival__ends_on=dt.date(2027, 6, 12)).person
        later = FestivalFactory(ends_on=dt.date(2028, 6, 12))
        slot = SlotFactory(
            activity=ActivityFactory(host=person.host, festival=later), day=dt.date(2028, 6, 10)
        )
        AppearanceFactory(slot=slot, person=person)
        ready = HostPersonFactory(host=person.host)
        Host.objects.update(created_at=NOW)

        assert purge_expired(now=dt.datetime(2028, 1, 1, tzinfo=dt.UTC))["host_people"] == 0
        assert set(HostPerson.objects.all()) == {person, ready}

    def test_a_host_that_has_just_begun_keeps_its_people(self) -> None:
        person = HostPersonFactory()
        Host.objects.update(created_at=NOW)
        assert purge_expired(now=NOW + dt.timedelta(days=89))["host_people"] == 0
        assert purge_expired(now=NOW + dt.timedelta(days=91))["host_people"] == 1
        assert not HostPerson.objects.filter(pk=person.pk).exists()


def test_the_commands_say_what_they_did() -> None:
    register(SlotFactory(day=dt.date(2030, 6, 10)))
    out = StringIO()

    call_command("privacy_erase", EMAIL, stdout=out)

    assert out.getvalue() == (
        "1 registrations, 1 visitors, 1 mails, 0 accounts, 0 follows, 0 host_people, 0 venue_contacts, "
        "0 mentions\n"
    )
    with pytest.raises(CommandError):
        call_command("privacy_erase", "camille")
