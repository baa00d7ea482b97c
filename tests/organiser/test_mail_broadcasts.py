"""A message to many: whom it reaches, counted again before it goes, sent and stopped."""

from __future__ import annotations

import datetime as dt
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events import broadcasts
from events.broadcasts import (
    Counted,
    Words,
    after_the_night,
    count_audience,
    rest_at_night,
    run_broadcast,
    stop_broadcast,
)
from events.links import broadcasts_token
from events.longwork import work_on
from events.mail import deliver
from events.mail.batch import at_hand, read
from events.mail.bulk_facts import Who
from events.mail.deliver import claim, deliver_due
from events.mail.outbox import owe
from events.mail.staleness import why_not
from events.mail.suppressions import stop
from events.models import (
    Activity,
    Broadcast,
    Commune,
    HostMember,
    Job,
    Message,
    Registration,
    Suppression,
)
from events.refusals import Reason, Refused
from tests.factories import (
    DAY,
    NOW,
    ActivityFactory,
    HostFactory,
    RegistrationFactory,
    SlotFactory,
    UserFactory,
    VenueFactory,
)
from tests.mail.conftest import kept

from .conftest import a_slot
from .messages import WORDS, Status, booked, reached, segment, start, work

# Whom -------------------------------------------------------------------------------------------------------


def test_each_segment_reaches_those_it_names(place: SimpleNamespace) -> None:
    slot = a_slot(place)
    past = a_slot(place, dt.time(8), day=dt.date(2027, 4, 1))
    booked(slot, "ada@example.org")
    booked(past, "vieux@example.org")
    booked(past, "venu@example.org", checked_in_at=NOW)
    booked(slot, "attend@example.org", status="waiting", waiting_since=NOW, confirmed_at=None)
    booked(slot, "rendu@example.org", status="cancelled", cancelled_at=NOW)
    HostMember.objects.create(host=place.host, user=UserFactory(email="Hote@example.org"))
    HostMember.objects.create(host=place.host, user=UserFactory(email="parti@example.org", is_active=False))
    alone = HostFactory(territory=place.territory, contact_email="seul@example.org")
    ActivityFactory(host=alone, festival=place.festival)
    gone = HostFactory(territory=place.territory, contact_email="refuse@example.org")
    ActivityFactory(host=gone, festival=place.festival, state=Activity.State.REJECTED)

    assert {who: reached(segment(place, who)) for who in Who} == {
        Who.COMING: ["ada@example.org"],
        Who.WAITING: ["attend@example.org"],
        Who.CAME: ["venu@example.org"],
        Who.HOSTS: ["Hote@example.org", "seul@example.org"],
    }


def test_each_part_reaches_its_own(place: SimpleNamespace) -> None:
    commune = Commune.objects.create(territory=place.territory, name="Balma")
    venue = VenueFactory(territory=place.territory, commune=commune)
    other = ActivityFactory(host=HostFactory(territory=place.territory), festival=place.festival)
    here = a_slot(place)
    there = SlotFactory(activity=other, day=DAY + dt.timedelta(days=1), venue=venue)
    booked(here, "ici@example.org")
    booked(there, "la@example.org")

    for part in (
        "jour:2027-06-11",
        f"hote:{other.host_id}",
        f"activite:{other.pk}",
        f"creneau:{there.pk}",
        f"ville:{commune.pk}",
    ):
        assert reached(segment(place, part=part)) == ["la@example.org"], part
    assert reached(segment(place)) == ["ici@example.org", "la@example.org"]


def test_another_territory_and_another_edition_are_out_of_reach(place: SimpleNamespace) -> None:
    booked(a_slot(place), "ici@example.org")
    elsewhere = ActivityFactory(festival=place.festival)
    booked(SlotFactory(activity=elsewhere), "ailleurs@example.org")
    booked(SlotFactory(), "autre@example.org")

    assert reached(segment(place)) == ["ici@example.org"]
    assert reached(segment(place, territory=None)) == ["ailleurs@example.org", "ici@example.org"]


def test_an_address_with_several_visits_is_one_reader(place: SimpleNamespace) -> None:
    first = booked(a_slot(place), "ada@example.org")
    RegistrationFactory(slot=a_slot(place, dt.time(15)), visitor=first.visitor, locale="en")
    user = UserFactory(email="hote@example.org")
    for host in (place.host, HostFactory(territory=place.territory)):
        HostMember.objects.create(host=host, user=user)
        ActivityFactory(host=host, festival=place.festival)

    assert reached(segment(place)) == ["ada@example.org"]
    assert count_audience(segment=segment(place), words=WORDS, now=NOW).english == 1
    assert reached(segment(place, Who.HOSTS)) == ["hote@example.org"]


# Counted ----------------------------------------------------------------------------------------------------


def test_who_wants_none_is_counted_apart_and_gets_none(place: SimpleNamespace) -> None:
    slot = a_slot(place)
    booked(slot, "ada@example.org")
    booked(slot, "non@example.org")
    booked(slot, "rappel@example.org")
    stop("non@example.org", Suppression.Scope.BROADCASTS, Suppression.Reason.UNSUBSCRIBED, now=NOW)
    stop("rappel@example.org", Suppression.Scope.REMINDERS, Suppression.Reason.UNSUBSCRIBED, now=NOW)

    counted = count_audience(segment=segment(place), words=WORDS, now=NOW)
    assert (counted.readers, counted.unwilling) == (2, 1)

    start(place)
    work()
    assert sorted(Message.objects.values_list("recipient", flat=True)) == [
        "ada@example.org",
        "rappel@example.org",
    ]


def test_what_has_changed_meanwhile_is_asked_again(place: SimpleNamespace) -> None:
    slot = a_slot(place)
    booked(slot, "ada@example.org")
    read = count_audience(segment=segment(place), words=WORDS, now=NOW)
    booked(slot, "bob@example.org")

    with pytest.raises(Refused) as refused:
        start(place, fingerprint=read.fingerprint)

    assert refused.value.reason == Reason.CHANGED_MEANWHILE
    counted: Counted = refused.value.facts["counted"]
    assert counted.readers == 2
    assert Broadcast.objects.count() == Job.objects.count() == 0


def test_other_words_are_something_else_than_what_was_read(place: SimpleNamespace) -> None:
    booked(a_slot(place), "ada@example.org")
    read = count_audience(segment=segment(place), words=WORDS, now=NOW)

    with pytest.raises(Refused) as refused:
        start(place, words=Words("Autre", "chose"), fingerprint=read.fingerprint)
    assert refused.value.reason == Reason.CHANGED_MEANWHILE


def test_nobody_is_nobody(place: SimpleNamespace) -> None:
    with pytest.raises(Refused) as refused:
        start(place)
    assert refused.value.reason == Reason.NOBODY_TO_TELL


def test_sent_twice_it_is_asked_once(place: SimpleNamespace) -> None:
    booked(a_slot(place), "ada@example.org")

    assert start(place) == start(place)
    work()
    assert start(place) == Broadcast.objects.get()
    assert Message.objects.count() == 1


def test_one_organiser_sends_so_many_a_day_and_no_more(
    place: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcasts, "MOST_PER_DAY", 1)
    booked(a_slot(place), "ada@example.org")
    start(place)

    with pytest.raises(Refused) as refused:
        start(place, words=Words("Encore", "Encore"))
    assert refused.value.reason == Reason.TOO_OFTEN


# Owed and sent ----------------------------------------------------------------------------------------------


def test_each_reader_gets_it_once_in_their_language(place: SimpleNamespace) -> None:
    slot = a_slot(place)
    booked(slot, "ada@example.org", name="Ada Martin")
    booked(slot, "bob@example.org", locale="en")
    words = Words(WORDS.subject, WORDS.text, "One more place", "Good news.")
    start(place, words=words)

    job = work()
    deliver_due(now=NOW)

    assert (job.state, job.done, job.total) == (Job.State.DONE, 2, 2)
    french, english = sorted(kept(), key=lambda mail: str(mail["To"]))
    assert (french["To"], french["Subject"]) == ("ada@example.org", "Une place de plus")
    assert (english["To"], english["Subject"]) == ("bob@example.org", "One more place")
    for mail, said in ((french, "Bonjour Ada,"), (french, "À demain."), (english, "Good news.")):
        for kind in ("plain", "html"):
            part = mail.get_body((kind,))
            assert part is not None
            assert said in part.get_content()
    off = reverse("events:broadcasts_off", args=[broadcasts_token("ada@example.org")])
    assert off in french["List-Unsubscribe"]
    assert french["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_without_english_words_everybody_reads_french(place: SimpleNamespace) -> None:
    booked(a_slot(place), "bob@example.org", locale="en")
    start(place)
    work()
    deliver_due(now=NOW)

    assert kept()[0]["Subject"] == WORDS.subject


def test_batch_after_batch_nobody_is_left_out_or_told_twice(
    place: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcasts, "BATCH", 2)
    slot = a_slot(place)
    for number in range(5):
        booked(slot, f"p{number}@example.org")
    start(place)

    work_on({Job.Kind.MESSAGE: run_broadcast}, clock=lambda: NOW, seconds=0)
    assert Message.objects.count() == 0
    work()

    assert sorted(Message.objects.values_list("recipient", flat=True)) == [
        f"p{number}@example.org" for number in range(5)
    ]


def test_a_batch_done_twice_owes_once(place: SimpleNamespace) -> None:
    booked(a_slot(place), "ada@example.org")
    start(place)
    work()
    Job.objects.update(state=Job.State.WAITING, report={}, done=0, finished_at=None)
    work()

    assert Message.objects.count() == 1


def test_what_is_urgent_goes_before_it(place: SimpleNamespace) -> None:
    slot = a_slot(place)
    ada = booked(slot, "ada@example.org")
    start(place)
    work()
    owe(
        kind=Message.Kind.CONFIRMATION,
        dedupe_key="c",
        recipient="bob@example.org",
        locale="fr",
        now=NOW,
        registration=ada,
    )

    (first,) = claim(token=uuid.uuid4(), now=NOW, size=1)
    assert Message.objects.get(pk=first).kind == Message.Kind.CONFIRMATION


def test_stopped_before_it_began_it_reaches_nobody(place: SimpleNamespace) -> None:
    booked(a_slot(place), "ada@example.org")
    broadcast = start(place)

    assert stop_broadcast(broadcast=broadcast, now=NOW) == 0
    assert work().state == Job.State.STOPPED
    assert Message.objects.count() == 0


def test_stopped_on_its_way_what_has_not_left_does_not_leave(place: SimpleNamespace) -> None:
    slot = a_slot(place)
    booked(slot, "ada@example.org")
    booked(slot, "bob@example.org")
    broadcast = start(place)
    work()
    deliver_due(now=NOW, limit=1)

    assert stop_broadcast(broadcast=broadcast, now=NOW) == 1

    deliver_due(now=NOW)
    assert sorted(Message.objects.values_list("status", flat=True)) == [Status.CANCELLED, Status.SENT]
    assert len(kept()) == 1


def test_stopped_in_a_worker_s_hands_what_it_has_not_begun_does_not_leave(
    place: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both were claimed and read together, and the first has left."""
    slot = a_slot(place)
    booked(slot, "ada@example.org")
    booked(slot, "bob@example.org")
    broadcast = start(place)
    work()
    stopped: list[int] = []
    send = deliver._Delivery.run

    def run(self: Any) -> str:
        done = send(self)
        stopped.append(stop_broadcast(broadcast=broadcast, now=NOW))
        return done

    monkeypatch.setattr(deliver._Delivery, "run", run)
    report = deliver_due(now=NOW)

    assert stopped == [1]
    assert report.counts == {Status.SENT: 1, "left to another": 1}
    assert sorted(Message.objects.values_list("status", flat=True)) == [Status.CANCELLED, Status.SENT]
    assert len(kept()) == 1


def test_whether_it_still_goes_is_asked_once_for_one_and_three(place: SimpleNamespace) -> None:
    slot = a_slot(place)
    for name in ("ada", "bob", "eve"):
        booked(slot, f"{name}@example.org")
    start(place)
    work()
    token = uuid.uuid4()
    mails = read(claim(token=token, now=NOW, size=3), token)

    def asked(some: list[Message]) -> int:
        with at_hand(some), CaptureQueriesContext(connection) as statements:
            assert [why_not(mail, NOW) for mail in some] == [None] * len(some)
        return len(statements)

    assert len(mails) == 3
    assert asked(mails[:1]) == asked(mails)


def test_a_mail_that_comes_back_after_the_stop_is_not_tried_again(place: SimpleNamespace) -> None:
    booked(a_slot(place), "ada@example.org")
    broadcast = start(place)
    work()
    stop_broadcast(broadcast=broadcast, now=NOW)
    Message.objects.update(status=Status.PENDING)

    deliver_due(now=NOW)
    assert Message.objects.get().status == Status.CANCELLED


def test_who_says_no_after_it_was_owed_gets_none(place: SimpleNamespace) -> None:
    booked(a_slot(place), "ada@example.org")
    start(place)
    work()
    stop("ada@example.org", Suppression.Scope.BROADCASTS, Suppression.Reason.UNSUBSCRIBED, now=NOW)

    deliver_due(now=NOW)
    assert Message.objects.get().status == Status.SUPPRESSED


def test_who_gave_every_place_back_meanwhile_gets_none(place: SimpleNamespace) -> None:
    ada, bob = (booked(a_slot(place, dt.time(hour)), f"{hour}@example.org") for hour in (9, 11))
    RegistrationFactory(slot=a_slot(place, dt.time(15)), visitor=bob.visitor)
    start(place)
    work()
    for message in Message.objects.all():
        Registration.objects.filter(pk=message.registration_id).update(status="cancelled", cancelled_at=NOW)

    deliver_due(now=NOW)

    assert dict(Message.objects.values_list("recipient", "status")) == {
        ada.visitor.email: Status.CANCELLED,
        bob.visitor.email: Status.SENT,
    }


@pytest.mark.parametrize(
    ("who", "was", "became"),
    [
        (Who.COMING, "confirmed", {"status": "cancelled", "cancelled_at": NOW}),
        (Who.WAITING, "waiting", {"status": "confirmed", "waiting_since": None}),
    ],
)
def test_who_left_the_segment_meanwhile_gets_none_whatever_else_they_hold(
    who: Who, was: str, became: dict[str, Any], place: SimpleNamespace
) -> None:
    """« Votre atelier change d’étage » has nothing to say to who gave that workshop back and keeps another;
    « il n’y a toujours pas de place » nothing to who has got one."""
    slot, other = a_slot(place, dt.time(9)), a_slot(place, dt.time(15))
    waits = {"waiting_since": NOW} if was == "waiting" else {}
    ada, bob = (booked(slot, f"{name}@example.org", status=was, **waits) for name in ("ada", "bob"))
    for one in (ada, bob):
        RegistrationFactory(slot=other, visitor=one.visitor)
    start(place, segment(place, who, f"creneau:{slot.pk}"))
    work()
    Registration.objects.filter(pk=ada.pk).update(**became)

    deliver_due(now=NOW)

    assert dict(Message.objects.values_list("recipient", "status")) == {
        "ada@example.org": Status.CANCELLED,
        "bob@example.org": Status.SENT,
    }


# Not at night -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "at", "leaves"),
    [
        ("Europe/Paris", "2027-06-10T12:00+02:00", "2027-06-10T12:00+02:00"),
        ("Europe/Paris", "2027-06-10T22:00+02:00", "2027-06-11T08:00+02:00"),
        ("Europe/Paris", "2027-06-11T03:00+02:00", "2027-06-11T08:00+02:00"),
        ("Europe/Paris", "2027-06-11T08:00+02:00", "2027-06-11T08:00+02:00"),
        ("Indian/Reunion", "2027-06-10T20:30+02:00", "2027-06-11T08:00+04:00"),
        ("America/Miquelon", "2027-06-11T01:30+02:00", "2027-06-11T01:30+02:00"),
        ("Europe/Paris", "2027-10-30T23:00+02:00", "2027-10-31T08:00+01:00"),
    ],
)
def test_it_waits_for_the_morning_of_its_reader(
    place: SimpleNamespace, zone: str, at: str, leaves: str
) -> None:
    now, morning = dt.datetime.fromisoformat(at), dt.datetime.fromisoformat(leaves)

    assert after_the_night(now, place.festival, zone) == morning


def test_what_is_left_when_the_night_begins_waits_for_the_morning(place: SimpleNamespace) -> None:
    ada = booked(a_slot(place), "ada@example.org")
    start(place)
    work()
    owe(
        kind=Message.Kind.CONFIRMATION,
        dedupe_key="c",
        recipient="bob@example.org",
        locale="fr",
        now=NOW,
        registration=ada,
    )
    night = dt.datetime(2027, 5, 3, 20, 30, tzinfo=dt.UTC)

    assert rest_at_night(NOW) == 0
    assert rest_at_night(night) == 1
    assert rest_at_night(night) == 0

    deliver_due(now=night)
    assert sorted(Message.objects.values_list("kind", "status")) == [
        ("broadcast", Status.PENDING),
        ("confirmation", Status.SENT),
    ]
