"""What one follows is told once: when its bookings open, and when places come free again."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.follows import owe_follows, telling
from events.follows.free import LOOK_EVERY
from events.mail.deliver import deliver_due
from events.mail.outbox import PRIORITY
from events.models import Follow, FullSpell, KeptMail, Message, Slot
from tests import factories as f
from tests.factories import NOW

pytestmark = pytest.mark.django_db
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
NIGHT = dt.datetime(2027, 5, 3, 21, 30, tzinfo=dt.UTC)
"""23 h 30 in Paris."""


def owed(kind: str = "") -> list[tuple[str, str]]:
    mails = Message.objects.filter(kind__startswith=kind or "follow_").order_by("pk")
    return list(mails.values_list("kind", "recipient"))


def look(now: dt.datetime, times: int = 1) -> dt.datetime:
    """So many looks, each when it is due; the instant of the last."""
    for _time in range(times):
        owe_follows(now)
        now += LOOK_EVERY
    return now - LOOK_EVERY


def opening(city: SimpleNamespace, at: dt.datetime) -> None:
    Slot.objects.filter(pk=city.slot.pk).update(opens_at=at)


def fill(slot: Slot, taken: int = 4, **more: int) -> None:
    Slot.objects.filter(pk=slot.pk).update(taken=taken, **more)


def test_an_opening_is_told_once_when_its_hour_has_come(city: SimpleNamespace) -> None:
    opening(city, NOW)
    owe_follows(NOW - MINUTE)
    assert owed() == []

    for minutes in range(3):
        owe_follows(NOW + minutes * MINUTE)

    assert owed() == [("follow_open", "camille@example.org")]
    deliver_due(now=NOW + 3 * MINUTE)
    [mail] = KeptMail.objects.all()
    assert mail.subject == "Réservations ouvertes\u00a0: Toulouse"
    assert "Dans l" in mail.source


def test_who_follows_several_things_that_open_at_once_gets_one_mail(city: SimpleNamespace) -> None:
    for topic in (f.topic_of(host=city.host), f.topic_of(theme="robotics", territory=city.territory)):
        f.FollowFactory(follower=city.camille, topic=topic)
    f.FollowFactory(topic=f.topic_of(theme="robotics"))
    f.FollowFactory(topic=f.topic_of(theme="health"))
    opening(city, NOW)

    owe_follows(NOW)

    assert [to for _kind, to in owed()] == ["camille@example.org", "suit1@example.org"]
    assert len(Message.objects.get(recipient="camille@example.org").context["follows"]) == 3


def test_first_slots_are_told_once_an_edition_and_what_was_there_before_is_no_news(
    city: SimpleNamespace,
) -> None:
    Slot.objects.update(state="draft")
    f.FollowFactory(topic=f.topic_of(host=city.host))
    owe_follows(NOW)
    assert owed() == []
    Slot.objects.update(state="published")

    owe_follows(NOW + MINUTE)
    f.SlotFactory(activity=city.activity, start_time=dt.time(16))
    owe_follows(NOW + 2 * MINUTE)

    assert owed() == [("follow_open", "camille@example.org"), ("follow_open", "suit1@example.org")]


def first_slots(city: SimpleNamespace, title: str) -> SimpleNamespace:
    """A host of the city with its first visit, which Camille follows; nothing of it is open yet."""
    host = f.HostFactory(territory=city.territory, name=title)
    activity = f.ActivityFactory(host=host, festival=city.festival, title_fr=title)
    slot = f.SlotFactory(activity=activity, start_time=dt.time(10), capacity=4, state="draft")
    follow = f.FollowFactory(follower=city.camille, topic=f.topic_of(host=host))
    return SimpleNamespace(**locals())


def publish(*hosts: SimpleNamespace) -> None:
    Slot.objects.filter(pk__in=[one.slot.pk for one in hosts]).update(state="published")


def test_first_slots_bring_one_mail_a_day_and_the_rest_in_the_morning(city: SimpleNamespace) -> None:
    city.follow.topic.opened_in.add(city.festival)
    one, other, third, fourth = (first_slots(city, title) for title in ("Un", "Deux", "Trois", "Quatre"))
    publish(one, other)
    owe_follows(NOW)
    deliver_due(now=NOW)
    [mail] = KeptMail.objects.all()
    assert ("Un" in mail.source, "Deux" in mail.source, "Trois" in mail.source) == (True, True, False)

    publish(third)
    owe_follows(NOW + HOUR)
    publish(fourth)
    owe_follows(NOW + 2 * HOUR)
    deliver_due(now=NOW + 3 * HOUR)
    assert KeptMail.objects.count() == 1
    waits = Message.objects.get(status="pending")
    nine = dt.datetime(2027, 5, 4, 7, tzinfo=dt.UTC)
    assert (waits.next_attempt_at, waits.context["follows"]) == (nine, [third.follow.pk, fourth.follow.pk])

    deliver_due(now=nine)
    latest = KeptMail.objects.order_by("pk").last()
    assert latest is not None
    assert ("Trois" in latest.source, "Quatre" in latest.source, "Deux" in latest.source) == (
        *(True, True),
        False,
    )
    owe_follows(nine + HOUR)
    assert len(owed()) == 2


def test_what_opens_at_night_waits_in_one_mail_for_the_morning(city: SimpleNamespace) -> None:
    city.follow.topic.opened_in.add(city.festival)
    one, other = first_slots(city, "Un"), first_slots(city, "Deux")
    publish(one)
    owe_follows(NIGHT)
    publish(other)
    owe_follows(NIGHT + 3 * HOUR)

    message = Message.objects.get()
    assert message.next_attempt_at == dt.datetime(2027, 5, 4, 6, tzinfo=dt.UTC)
    assert message.context["follows"] == [one.follow.pk, other.follow.pk]


def test_first_slots_are_told_once_though_a_sweep_died_before_it_said_so(city: SimpleNamespace) -> None:
    city.follow.topic.opened_in.add(city.festival)
    one, other = first_slots(city, "Un"), first_slots(city, "Deux")
    publish(one)
    owe_follows(NOW)
    one.follow.topic.opened_in.clear()
    owe_follows(NOW + MINUTE)
    deliver_due(now=NOW + MINUTE)
    one.follow.topic.opened_in.clear()
    publish(other)

    owe_follows(NOW + 24 * HOUR)

    assert [mail.context["follows"] for mail in Message.objects.order_by("pk")] == [
        [one.follow.pk],
        [other.follow.pk],
    ]


def test_a_days_mail_that_another_sweep_has_just_owed_takes_in_what_is_ours(
    city: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL two sweeps look at once and see no mail; the key of the day lets one of them be first."""
    city.follow.topic.opened_in.add(city.festival)
    one, other = first_slots(city, "Un"), first_slots(city, "Deux")
    publish(one)
    owe_follows(NOW)
    publish(other)
    looked, gathered = [], telling._gathered

    def blind_at_first(*args: Any) -> Any:
        looked.append(args)
        return {} if len(looked) == 1 else gathered(*args)

    monkeypatch.setattr(telling, "_gathered", blind_at_first)
    owe_follows(NOW + MINUTE)

    assert Message.objects.get().context["follows"] == [one.follow.pk, other.follow.pk]


@pytest.mark.parametrize(
    "change",
    [
        {"confirmed_at": None},
        {"stopped_at": NOW},
        {"confirmed_at": NOW + MINUTE},
    ],
    ids=["never confirmed", "stopped", "followed after the opening"],
)
def test_who_does_not_follow_is_told_nothing(city: SimpleNamespace, change: dict[str, Any]) -> None:
    opening(city, NOW)
    Follow.objects.update(**change)
    city.follow.topic.opened_in.add(city.festival)

    owe_follows(NOW + 2 * MINUTE)

    assert owed() == []


def test_an_opening_of_yesterday_is_no_news(city: SimpleNamespace) -> None:
    opening(city, NOW)
    city.follow.topic.opened_in.add(city.festival)
    owe_follows(NOW - HOUR)
    owe_follows(NOW + 13 * HOUR)
    assert owed() == []


def test_nobody_is_written_to_at_night(city: SimpleNamespace) -> None:
    opening(city, NIGHT)
    owe_follows(NIGHT)
    morning = dt.datetime(2027, 5, 4, 6, tzinfo=dt.UTC)
    message = Message.objects.get(kind="follow_open")
    assert message.next_attempt_at == morning, "08:00 in Paris"

    Message.objects.update(next_attempt_at=NIGHT)  # the relay held it up into the night
    deliver_due(now=NIGHT + MINUTE)
    message.refresh_from_db()
    assert (message.status, message.next_attempt_at) == ("pending", morning)
    deliver_due(now=morning)
    message.refresh_from_db()
    assert message.status == "sent"


def test_places_come_free_are_told_at_the_second_look(city: SimpleNamespace) -> None:
    city.follow.topic.opened_in.add(city.festival)
    fill(city.slot)
    now = look(NOW)
    assert FullSpell.objects.get().freed_at is None
    fill(city.slot, 3)

    now = look(now + LOOK_EVERY)
    assert owed() == []
    look(now + LOOK_EVERY, times=4)

    assert owed() == [("follow_free", "camille@example.org")]
    deliver_due(now=now + HOUR)
    [mail] = KeptMail.objects.all()
    assert mail.subject == "Places libérées\u00a0: Toulouse"


@pytest.mark.parametrize(
    "after", [{"taken": 4}, {"taken": 3, "waiting": 2}], ids=["taken again", "somebody waits"]
)
def test_a_place_that_somebody_takes_or_waits_for_is_no_news(
    city: SimpleNamespace, after: dict[str, int]
) -> None:
    city.follow.topic.opened_in.add(city.festival)
    fill(city.slot)
    now = look(NOW)
    fill(city.slot, 3)
    if "waiting" not in after:
        now = look(now + LOOK_EVERY)
    fill(city.slot, **after)
    look(now + LOOK_EVERY, times=3)
    assert owed() == []


def test_an_activity_with_another_free_slot_was_never_full(city: SimpleNamespace) -> None:
    city.follow.topic.opened_in.add(city.festival)
    f.SlotFactory(activity=city.activity, start_time=dt.time(16), capacity=4)
    fill(city.slot)
    now = look(NOW)
    fill(city.slot, 3)
    look(now + LOOK_EVERY, times=3)
    assert not FullSpell.objects.exists()
    assert owed() == []


def test_one_mail_a_day_and_the_rest_in_the_morning_if_it_is_still_free(city: SimpleNamespace) -> None:
    city.follow.topic.opened_in.add(city.festival)
    other = f.SlotFactory(
        activity=f.ActivityFactory(host=city.host, festival=city.festival, title_fr="Au four"),
        start_time=dt.time(9),
        capacity=4,
        taken=4,
    )
    fill(city.slot)
    now = look(NOW)
    fill(city.slot, 3)
    now = look(now + LOOK_EVERY, times=2)
    deliver_due(now=now)
    fill(other, 3)
    now = look(now + LOOK_EVERY, times=5)
    assert owed() == [("follow_free", "camille@example.org")]

    nine = dt.datetime(2027, 5, 4, 7, tzinfo=dt.UTC)
    look(nine - LOOK_EVERY)
    assert len(owed()) == 1
    look(nine, times=3)

    assert owed() == [("follow_free", "camille@example.org")] * 2
    deliver_due(now=nine + MINUTE)
    latest = KeptMail.objects.order_by("pk").last()
    assert latest is not None
    assert "Au four" in latest.source
    assert "Dans l" not in latest.source
    look(nine + 24 * HOUR, times=2)
    assert len(owed()) == 2, "told once"


def test_what_is_true_when_it_leaves_decides(city: SimpleNamespace) -> None:
    opening(city, NOW)
    owe_follows(NOW)
    Follow.objects.update(stopped_at=NOW)
    deliver_due(now=NOW)
    message = Message.objects.get(kind="follow_open")
    assert (message.status, message.last_answer) == ("cancelled", "followed no longer")

    Message.objects.update(status="pending")
    Follow.objects.update(stopped_at=None)
    Slot.objects.update(state="draft")
    deliver_due(now=NOW)
    message.refresh_from_db()
    assert (message.status, message.last_answer) == ("cancelled", "nothing is open any more")
    assert not KeptMail.objects.exists()


def test_what_has_opened_and_is_full_already_says_so_from_its_subject_on(city: SimpleNamespace) -> None:
    opening(city, NOW)
    fill(city.slot)
    owe_follows(NOW)
    deliver_due(now=NOW)

    [mail] = KeptMail.objects.all()
    assert mail.subject == "Ouvert, et déjà complet\u00a0: Toulouse"
    assert ("Voir cette visite" in mail.source, "Voir et réserver" in mail.source) == (True, False)


def test_visits_are_told_by_the_time_that_is_shown_and_what_needs_no_booking_says_so(
    city: SimpleNamespace,
) -> None:
    city.follow.topic.opened_in.add(city.festival)
    one = first_slots(city, "Atelier")
    late = f.SlotFactory(activity=one.activity, start_time=dt.time(18), capacity=4)
    Slot.objects.filter(pk=one.slot.pk).update(taken=4)  # at ten it is full: 18 h is what is shown
    walk_in = f.SlotFactory(
        activity=f.ActivityFactory(
            host=one.host, festival=city.festival, title_fr="Portes ouvertes", mode="drop_in"
        ),
        start_time=dt.time(11),
        capacity=None,
    )
    publish(one)
    owe_follows(NOW)
    deliver_due(now=NOW)

    source = KeptMail.objects.get().source.replace("=\n", "")
    assert source.index(f"/creneaux/{walk_in.pk}/") < source.index(f"/creneaux/{late.pk}/")
    assert ("Voir cette visite" in source, "Voir et r" in source) == (True, True)


def test_it_waits_behind_every_other_mail(city: SimpleNamespace) -> None:
    opening(city, NOW)
    owe_follows(NOW)
    assert Message.objects.get().priority == max(PRIORITY.values())


def test_each_reads_their_language_on_their_clock(city: SimpleNamespace) -> None:
    far = f.FollowerFactory(email="reunion@example.org", locale="en", timezone="Indian/Reunion")
    f.FollowFactory(follower=far, topic=city.follow.topic)
    at = dt.datetime(2027, 5, 3, 18, 30, tzinfo=dt.UTC)  # 20:30 in Paris, 22:30 in La Réunion
    opening(city, at)
    owe_follows(at)
    leaves = dict(Message.objects.values_list("recipient", "next_attempt_at"))
    assert leaves["camille@example.org"] == at
    assert leaves["reunion@example.org"] == dt.datetime(2027, 5, 4, 4, tzinfo=dt.UTC)
    deliver_due(now=dt.datetime(2027, 5, 4, 4, tzinfo=dt.UTC))
    subjects = set(KeptMail.objects.values_list("subject", flat=True))
    assert "Bookings are open: Toulouse" in subjects


def test_where_nothing_is_due_a_sweep_asks_as_much_for_many_as_for_one(city: SimpleNamespace) -> None:
    def asked(now: dt.datetime) -> int:
        with CaptureQueriesContext(connection) as queries:
            owe_follows(now)
        return len(queries)

    look(NOW)
    one = asked(NOW + MINUTE)
    for _more in range(5):
        f.FollowFactory(topic=city.follow.topic)
    assert asked(NOW + 2 * MINUTE) == one
    Follow.objects.all().delete()
    assert asked(NOW + 3 * MINUTE) < one
