"""A programme that goes out in OpenAgenda's format and comes in again is the same programme."""

from __future__ import annotations

import datetime as dt
import json
import unicodedata
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from events.exchange.feed_set import BY_ACTIVITY, slots_by_number
from events.exchange.import_programme import MOST_GONE, TooManyGone, import_entries
from events.exchange.openagenda import read_openagenda
from events.exchange.openagenda_out import events_of
from events.models import Activity, Festival, GoneSlot, Slot
from events.models.choices import Access, Announced, Audience, Format, Language, Mode, Theme
from tests.factories import (
    NOW,
    ActivityFactory,
    FestivalFactory,
    HostFactory,
    RoomFactory,
    SlotFactory,
    TerritoryFactory,
    VenueFactory,
)

SITE = "https://festival.example.org"
OF_THIS_SITE = {
    *("uid", "slug", "canonicalUrl", "registration", "updatedAt", "image", "url", "slot", "placesLeft"),
}
"""Numbers and addresses of one site, and what is true only there: how many have booked."""


def exported(festival: Festival) -> list[dict[str, Any]]:
    numbers = Slot.objects.filter(activity__festival=festival).order_by(*BY_ACTIVITY)
    slots = slots_by_number(numbers.values_list("pk", flat=True), public_only=False)
    return list(events_of(slots, site_url=SITE))


def compared(value: Any) -> Any:
    """Without what belongs to one site; a registration is there or not."""
    if isinstance(value, list):
        return [compared(one) for one in value]
    if isinstance(value, dict):
        kept = {
            name: compared(one) for name, one in value.items() if name not in OF_THIS_SITE and name != "slot"
        }
        return kept | ({"registration": bool(value["registration"])} if "registration" in value else {})
    return value


def taken_in(events: Sequence[dict[str, Any]], festival: Festival, **how: Any) -> Any:
    # As it travels: bytes of JSON.
    reading = read_openagenda(json.dumps({"events": events}, ensure_ascii=False).encode())
    assert [str(problem) for problem in reading.problems] == []
    return import_entries(reading.entries, festival=festival, now=NOW, **how)


def moved(first: Festival) -> tuple[list[Any], list[Any], Festival]:
    """Out of one edition, which then is emptied, and into another."""
    before = exported(first)
    Slot.objects.all().delete()
    Activity.objects.all().delete()
    second = FestivalFactory()
    taken_in(before, second)
    return before, exported(second), second


WORDS = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=60).filter(
    lambda text: any(unicodedata.category(sign)[0] in "LN" for sign in text)
)
TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=300)
ZONES = {"Europe/Paris": "Toulouse", "Indian/Reunion": "Saint-Denis", "Pacific/Noumea": "Nouméa"}
# The night of 30 to 31 October 2027 has its third hour twice in Paris.
MOMENTS = st.one_of(
    st.datetimes(dt.datetime(2027, 10, 30, 22), dt.datetime(2027, 10, 31, 3)),
    st.datetimes(dt.datetime(2027, 6, 1), dt.datetime(2027, 12, 31)),
).map(lambda at: at.replace(second=0, microsecond=0, tzinfo=dt.UTC))


class RoundTrip(TestCase):
    """Odd texts, zones, hours that exist twice, several times: out, in, and out again."""

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        title=WORDS.filter(lambda text: "\x00" not in text),
        english=TEXTS.map(lambda text: text[:100]),
        description=TEXTS,
        zone=st.sampled_from(sorted(ZONES)),
        moments=st.lists(MOMENTS, min_size=1, max_size=5, unique=True),
        off=st.sets(st.integers(0, 4)),
        lengths=st.lists(st.integers(5, 1440), min_size=5, max_size=5),
        codes=st.fixed_dictionaries(
            {
                "format": st.sampled_from(Format.values),
                "theme": st.sampled_from(["", *Theme.values]),
                "mode": st.sampled_from([Mode.DROP_IN, Mode.FIRST_COME]),
                "audience": st.sampled_from(Audience.values),
                "minimum_age": st.none() | st.integers(1, 99),
                "languages": st.lists(st.sampled_from(Language.values), min_size=1, unique=True),
                "announced": st.sampled_from(["", Announced.RESCHEDULED, Announced.MOVED_ONLINE]),
                "state": st.sampled_from(
                    ["submitted", "changes_requested", "ready", "published", "rejected", "cancelled"]
                ),
            }
        ),
        access=st.sets(st.sampled_from(Access.values)),
        capacity=st.none() | st.integers(1, 500),
    )
    def test_what_goes_out_comes_in_and_goes_out_the_same(
        self,
        title: str,
        english: str,
        description: str,
        zone: str,
        moments: list[dt.datetime],
        off: set[int],
        lengths: list[int],
        codes: dict[str, Any],
        access: set[str],
        capacity: int | None,
    ) -> None:
        territory = TerritoryFactory(name=ZONES[zone], timezone=zone)
        activity = ActivityFactory(
            host=HostFactory(territory=territory),
            title_fr=title,
            title_en=english.replace("\x00", ""),
            description_fr=description,
            description_en=description if english.strip() else "",
            access=[code for code in Access.values if code in access],
            venue=VenueFactory(territory=territory, latitude=43.6, longitude=1.44, postcode="97400"),
            **codes,
        )
        for number, at in enumerate(sorted(moments)):
            slot = Slot(activity=activity, venue=activity.venue, capacity=capacity, state="published")
            here = at.astimezone(ZoneInfo(zone))
            slot.set_time(
                day=here.date(),
                start_time=here.time().replace(tzinfo=None, fold=0),
                duration=lengths[number],
                timezone=zone,
                fold=here.fold,
            )
            if number in off:
                slot.state, slot.cancelled_at, slot.cancel_reason = "cancelled", NOW, "Fuite d’eau."
            slot.save()

        before, after, _second = moved(activity.festival)

        assert compared(after) == compared(before)


pytestmark = pytest.mark.django_db


@pytest.fixture
def festival() -> Festival:
    return FestivalFactory()


def one(festival: Festival, *, slots: int = 1, **values: Any) -> Activity:
    activity = ActivityFactory(festival=festival, **values)
    for number in range(slots):
        SlotFactory(activity=activity, start_time=dt.time(9 + number))
    return activity


def test_every_status_and_every_state_has_its_own_and_keeps_it(festival: Festival) -> None:
    one(festival, title_fr="1")
    one(festival, title_fr="2", announced="rescheduled")
    one(festival, title_fr="3", announced="moved_online")
    postponed = one(festival, title_fr="4", announced="postponed")
    full = one(festival, title_fr="5")
    one(festival, title_fr="6", state="cancelled")
    states = {"rejected": -1, "submitted": 0, "changes_requested": 0, "ready": 1, "published": 2}
    for state in states:
        one(festival, title_fr=state, state=state)
    Slot.objects.filter(activity=postponed).update(state="cancelled", cancelled_at=NOW)
    Slot.objects.filter(activity=full).update(capacity=0)

    before, after, second = moved(festival)

    said = {event["title"]["fr"]: (event["status"], event["state"]) for event in before}
    assert [said[str(number)][0] for number in range(1, 7)] == [1, 2, 3, 4, 5, 6]
    assert {state: said[state][1] for state in states} == states
    assert compared(after) == compared(before)
    kept = dict(second.activities.values_list("title_fr", "state"))
    assert {state: kept[state] for state in states} == {state: state for state in states}


def test_rooms_places_and_openings_of_each_time_are_kept(festival: Festival) -> None:
    venue = VenueFactory()
    activity = one(festival, slots=0, venue=venue)
    for number, name in enumerate(["Grande salle", "Atelier"]):
        SlotFactory(
            activity=activity,
            venue=venue,
            room=RoomFactory(venue=venue, name=name),
            start_time=dt.time(9 + number),
            capacity=5 + number,
            opens_at=NOW + dt.timedelta(days=number),
        )

    before, after, _second = moved(festival)

    assert compared(after) == compared(before)
    assert [timing["room"] for timing in after[0]["timings"]] == ["Grande salle", "Atelier"]


def test_a_second_time_is_an_update_and_what_was_made_here_is_known_again(festival: Festival) -> None:
    one(festival, slots=2)
    events = exported(festival)
    events[0]["title"]["fr"] = "Un autre nom"

    summary = taken_in(events, festival)
    again = taken_in(events, festival)

    assert (summary.created, summary.updated, Activity.objects.get().title_fr) == (0, 1, "Un autre nom")
    assert (again.unchanged, Slot.objects.count()) == (1, 2)


def test_the_public_feed_is_such_a_file(client: Client, festival: Festival) -> None:
    one(festival, slots=2)
    data = json.loads(client.get("/programme.json").content)
    second = FestivalFactory()

    reading = read_openagenda(json.dumps(data).encode())
    import_entries(reading.entries, festival=second, now=NOW)

    assert (second.activities.count(), Slot.objects.filter(activity__festival=second).count()) == (1, 2)


# The guard against a file that takes too much away


def file_of(number: int, *, slots: int = 5) -> list[dict[str, Any]]:
    days = [f"2027-06-{10 + n:02d}T14:00:00+02:00" for n in range(slots)]
    return [
        {
            "uid": uid,
            "title": {"fr": f"Visite {uid}"},
            "organisateur": f"Hôte {uid}",
            "location": {"city": "Toulouse", "name": f"Lieu {uid}"},
            "timings": [{"begin": day, "end": day.replace("T14", "T15")} for day in days],
        }
        for uid in range(number)
    ]


def test_a_file_that_takes_many_slots_away_is_refused_with_the_figures(festival: Festival) -> None:
    taken_in(file_of(10), festival)
    fewer = file_of(10, slots=2)

    with pytest.raises(TooManyGone) as refused:
        taken_in(fewer, festival)

    assert (refused.value.gone, refused.value.known, Slot.objects.count()) == (30, 50, 50)
    trial = taken_in(fewer, festival, dry_run=True)
    assert (trial.gone, trial.is_mass_deletion, Slot.objects.count()) == (30, True, 50)
    taken_in(fewer, festival, allow_deletions=True)
    assert (Slot.objects.count(), GoneSlot.objects.count()) == (20, 30)


def test_cancelling_counts_as_taking_away_and_a_few_are_no_mass(festival: Festival) -> None:
    taken_in(file_of(20), festival)
    events = file_of(20)
    for event in events[:4]:
        event["status"] = 6

    assert taken_in(events, festival).gone == MOST_GONE
    for event in events[4:9]:
        event["status"] = 6
    with pytest.raises(TooManyGone):
        taken_in(events, festival)


def test_a_quarter_of_a_small_file_is_many_and_two_are_not(festival: Festival) -> None:
    taken_in(file_of(2), festival)

    assert taken_in(file_of(2, slots=4), festival).gone == 2
    with pytest.raises(TooManyGone):
        taken_in(file_of(2, slots=2), festival)


PICTURE = "https://cdn.openagenda.com/main/4f0d.full.image.jpg"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("image", "kept"),
    [
        (PICTURE, PICTURE),
        (
            {"base": "https://cdn.openagenda.com/main/", "filename": "4f0d.full.image.jpg", "size": {}},
            PICTURE,
        ),
        *(
            (None, ""),
            ("javascript:alert(1)", ""),
            ("http://cdn.openagenda.com/a.jpg", ""),
            ({"base": 1}, ""),
        ),
        *(("https://a.example/\"onload='x'.jpg", ""), (f"https://a.example/{'x' * 500}", ""), ([1], "")),
    ],
    ids=["address", "OpenAgenda’s parts", "none", "script", "no https", "odd", "quotes", "long", "list"],
)
def test_the_address_of_a_picture_travels_with_its_credit(image: Any, kept: str) -> None:
    slot = SlotFactory()
    [event] = exported(slot.activity.festival)
    assert "image" not in event

    taken_in([{**event, "image": image, "imageCredits": "Zoé\u00a0Martin"}], slot.activity.festival)

    [again] = exported(slot.activity.festival)
    assert (again.get("image", ""), again.get("imageCredits", "")) == (kept, "Zoé Martin" if kept else "")
    taken_in([{name: value for name, value in again.items() if name != "image"}], slot.activity.festival)
    [silent] = exported(slot.activity.festival)
    assert silent.get("image", "") == kept
