"""Two venues made one: everything that hangs on the one moves, nothing is lost, the old address leads on."""

from __future__ import annotations

import datetime as dt

import pytest

from events.hosting import free_slug, own_place
from events.models import (
    ArchiveEntry,
    JournalEntry,
    NotTheSame,
    OpeningHours,
    Room,
    RoomOccupancy,
    SpecialDays,
    Venue,
    VenueManager,
    VenueMerge,
    VenuePicture,
)
from events.refusals import Reason, Refused
from events.scheduling.merging import CHOICES, MOVES, better_taken, differing, merge_venues, tell_apart
from events.scheduling.place import place_slot
from tests.factories import (
    DAY,
    NOW,
    ActivityFactory,
    FestivalFactory,
    HostFactory,
    RoomFactory,
    SlotFactory,
    TerritoryFactory,
    UserFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def by():
    return UserFactory(name="Alix Relais")


@pytest.fixture
def two():
    """« La Cantine », which stays, and « La cantine numérique », which turns out to be the same."""
    territory = TerritoryFactory(name="Toulouse", slug="toulouse")
    keep = VenueFactory(territory=territory, name="La Cantine", slug="la-cantine")
    drop = VenueFactory(territory=territory, name="La cantine numérique", slug="cantine-numerique")
    return keep, drop


def merge(two, by, take=()):
    keep, drop = two
    too_many = merge_venues(keep_id=keep.pk, drop_id=drop.pk, take=take, by=by, now=NOW)
    keep.refresh_from_db()
    return too_many


def test_every_foreign_key_to_a_venue_has_its_move():
    """Asked of Django: a new key to a venue fails here until the rule says what becomes of it."""
    keys = {
        (relation.related_model.__name__, relation.field.name)
        for relation in Venue._meta.get_fields(include_hidden=True)
        if relation.auto_created and not relation.concrete and relation.related_model is not None
    }

    assert keys == set(MOVES)
    assert not Venue._meta.many_to_many


def test_every_choice_names_fields_of_a_venue():
    names = {field.attname for field in Venue._meta.concrete_fields}

    assert {name for fields in CHOICES.values() for name in fields} <= names
    assert names - {name for fields in CHOICES.values() for name in fields} == {
        # settled by the rule itself: identity, what is derived, who has looked, where it came from
        *(
            "id",
            "territory_id",
            "slug",
            "sort_name",
            "search_text",
            "is_verified",
            "verified_at",
            "verified_by_id",
        ),
        *("sources", "external_id"),
    }


def test_all_that_hangs_on_it_moves(two, by):
    keep, drop = two
    activity = ActivityFactory(venue=drop, host=HostFactory(territory=keep.territory))
    room = RoomFactory(venue=drop, name="Studio")
    slot = SlotFactory(activity=activity, venue=drop)
    place_slot(slot_id=slot.pk, room_id=room.pk, by=by, now=NOW)
    held = list(RoomOccupancy.objects.values_list("pk", "room", "slot", "starts_at", "ends_at", "active"))
    entry = ArchiveEntry.objects.create(festival=FestivalFactory(), external_id="x", name="x", venue=drop)
    days = SpecialDays.objects.create(venue=drop, room=room, first_day=DAY, last_day=DAY, reason="Pont")
    manager = VenueManager.objects.create(venue=drop, user=UserFactory())
    earlier = VenueMerge.objects.create(into=drop, slug="plus-vieux", name="Plus vieux", merged_at=NOW)

    assert merge(two, by) == []

    for row in (activity, room, slot, entry, days, manager):
        row.refresh_from_db()
        assert row.venue == keep
    earlier.refresh_from_db()
    assert earlier.into == keep
    assert not Venue.objects.filter(pk=drop.pk).exists()
    assert (
        list(RoomOccupancy.objects.values_list("pk", "room", "slot", "starts_at", "ends_at", "active"))
        == held
    )
    assert slot.room == room
    assert "cantine" in activity.search_text
    assert "numerique" not in activity.search_text


def test_what_it_was_is_kept_and_written_down(two, by):
    keep, drop = two
    Venue.objects.filter(pk=drop.pk).update(address="27 rue d’Aubuisson", contact_name="Sam", geocoded_at=NOW)
    RoomFactory(venue=drop, name="Studio")
    OpeningHours.objects.create(venue=drop, weekday=1, opens=dt.time(9), closes=dt.time(18))

    merge(two, by)

    kept = VenueMerge.objects.get()
    assert (kept.into, kept.slug, kept.name, kept.merged_at, kept.merged_by) == (
        keep,
        "cantine-numerique",
        "La cantine numérique",
        NOW,
        by,
    )
    assert kept.was["id"] == drop.pk
    assert kept.was["address"] == "27 rue d’Aubuisson"
    assert kept.was["contact_name"] == "Sam"
    assert kept.was["rooms"] == ["Studio"]
    assert kept.was["hours"] == [[1, "09:00:00", "18:00:00"]]
    entry = JournalEntry.objects.get()
    assert (entry.verb, entry.actor, entry.text) == (
        "venues_merged",
        by,
        "« La cantine numérique » → « La Cantine »",
    )


def test_a_room_whose_name_is_taken_gets_a_number(two, by):
    keep, drop = two
    for venue, names in ((keep, ["Grande salle", "Grande salle (2)"]), (drop, ["grande salle", "Studio"])):
        for name in names:
            RoomFactory(venue=venue, name=name)

    merge(two, by)

    assert list(keep.rooms.order_by("pk").values_list("name", flat=True)) == [
        "Grande salle",
        "Grande salle (2)",
        "grande salle (3)",
        "Studio",
    ]


def test_a_hall_keeps_its_parts(two, by):
    _keep, drop = two
    hall, part = RoomFactory(venue=drop, name="Halle"), RoomFactory(venue=drop, name="Nef")
    hall.parts.add(part)

    merge(two, by)

    assert list(Room.objects.get(pk=hall.pk).parts.all()) == [part]


def test_who_manages_both_manages_it_once(two, by):
    _keep, _drop = two
    user = UserFactory()
    for venue in two:
        VenueManager.objects.create(venue=venue, user=user)

    merge(two, by)

    assert VenueManager.objects.filter(user=user).count() == 1


def test_pictures_follow_those_that_are_there_and_the_one_not_chosen_joins_them(two, by):
    keep, drop = two
    Venue.objects.filter(pk=keep.pk).update(picture="venues/keep.webp")
    Venue.objects.filter(pk=drop.pk).update(picture="venues/drop.webp")
    VenuePicture.objects.create(venue=keep, image="venues/a.webp", caption_fr="a", position=4)
    VenuePicture.objects.create(venue=drop, image="venues/b.webp", caption_fr="b", position=1)

    merge(two, by)

    assert keep.picture.name == "venues/keep.webp"
    assert list(keep.pictures.values_list("position", "image", "caption_fr")) == [
        (1, "venues/a.webp", "a"),
        (2, "venues/drop.webp", "La cantine numérique"),
        (3, "venues/b.webp", "b"),
    ]


def test_its_picture_may_be_taken(two, by):
    keep, drop = two
    Venue.objects.filter(pk=keep.pk).update(picture="venues/keep.webp")
    Venue.objects.filter(pk=drop.pk).update(picture="venues/drop.webp")

    merge(two, by, take=["picture"])

    assert keep.picture.name == "venues/drop.webp"
    assert list(keep.pictures.values_list("image", flat=True)) == ["venues/keep.webp"]


def test_what_is_taken_is_taken_as_a_whole_and_the_rest_stays(two, by):
    keep, drop = two
    Venue.objects.filter(pk=keep.pk).update(postcode="31000", website="https://a.example/", is_verified=True)
    Venue.objects.filter(pk=drop.pk).update(
        address="3 place du Capitole",
        postcode="31200",
        website="https://b.example/",
        latitude=43.6,
        longitude=1.4,
        position_from="hand",
        contact_name="Sam",
    )

    merge(two, by, take=["address", "position", "contact"])

    assert (keep.name, keep.address, keep.postcode) == ("La Cantine", "3 place du Capitole", "31200")
    assert (keep.latitude, keep.position_from, keep.contact_name) == (43.6, "hand", "Sam")
    assert (keep.website, keep.is_verified, keep.slug) == ("https://a.example/", True, "la-cantine")


def test_a_name_that_is_taken_is_sorted_and_searched_by(two, by):
    activity = ActivityFactory(venue=two[0], host=HostFactory(territory=two[0].territory))

    merge(two, by, take=["name"])

    activity.refresh_from_db()
    assert (two[0].name, two[0].sort_name) == ("La cantine numérique", "la cantine numerique")
    assert "numerique" in activity.search_text


@pytest.mark.parametrize(
    ("mine", "take", "left"), [([2], [], [2]), ([2], ["hours"], [1]), ([], [], [1])], ids=str
)
def test_hours_are_those_of_one_of_the_two(two, by, mine, take, left):
    keep, drop = two
    for venue, weekdays in ((keep, mine), (drop, [1])):
        for weekday in weekdays:
            OpeningHours.objects.create(venue=venue, weekday=weekday, opens=dt.time(9), closes=dt.time(18))

    merge(two, by, take=take)

    assert list(keep.opening_hours.values_list("weekday", flat=True)) == left
    assert OpeningHours.objects.count() == len(left)


def test_slots_with_too_many_places_for_the_building_are_told_not_changed(two, by):
    keep, drop = two
    Venue.objects.filter(pk=keep.pk).update(safety_capacity=8)
    room = RoomFactory(venue=drop)
    activity = ActivityFactory(venue=drop, host=HostFactory(territory=keep.territory))
    slot = SlotFactory(activity=activity, venue=drop, capacity=10)
    place_slot(slot_id=slot.pk, room_id=room.pk, by=by, now=NOW)

    assert merge(two, by) == [slot]

    slot.refresh_from_db()
    assert (slot.capacity, slot.safety_capacity, slot.venue) == (10, 30, keep)


def test_what_was_told_apart_from_the_one_is_told_apart_from_the_other(two, by):
    keep, drop = two
    third = VenueFactory(territory=keep.territory)
    for one, other in ((keep, drop), (drop, third), (third, keep)):
        tell_apart(one_id=one.pk, other_id=other.pk)

    merge(two, by)

    assert list(NotTheSame.objects.values_list("one", "other")) == [(keep.pk, third.pk)]


def test_sources_of_both_are_kept(two, by):
    keep, drop = two
    Venue.objects.filter(pk=keep.pk).update(sources=[{"url": "a"}], external_id="")
    Venue.objects.filter(pk=drop.pk).update(sources=[{"url": "a"}, {"url": "b"}], external_id="ven-1")

    merge(two, by)

    assert (keep.sources, keep.external_id) == ([{"url": "a"}, {"url": "b"}], "ven-1")


def test_a_venue_is_not_merged_into_itself(two, by):
    with pytest.raises(Refused) as refused:
        merge_venues(keep_id=two[0].pk, drop_id=two[0].pk, by=by, now=NOW)
    assert refused.value.reason == Reason.WRONG_STATE
    with pytest.raises(Refused):
        tell_apart(one_id=two[0].pk, other_id=two[0].pk)


def test_venues_of_two_territories_stay_two(two, by):
    elsewhere = VenueFactory()

    with pytest.raises(Refused) as refused:
        merge_venues(keep_id=two[0].pk, drop_id=elsewhere.pk, by=by, now=NOW)

    assert refused.value.reason == Reason.VENUE_ELSEWHERE
    assert Venue.objects.filter(pk=elsewhere.pk).exists()


def test_a_merge_that_fails_leaves_both_as_they_were(two, by):
    keep, drop = two
    room = RoomFactory(venue=drop)

    with pytest.raises(KeyError):
        merge_venues(keep_id=keep.pk, drop_id=drop.pk, take=["no such choice"], by=by, now=NOW)

    room.refresh_from_db()
    assert room.venue == drop
    assert not VenueMerge.objects.exists()


def test_an_address_that_leads_on_is_given_to_no_new_venue(two, by):
    merge(two, by)

    assert free_slug(Venue, "Cantine numérique") == "cantine-numerique-2"


def test_a_host_s_own_place_that_was_merged_is_not_made_again(two, by):
    keep, drop = two
    host = HostFactory(territory=keep.territory)
    Venue.objects.filter(pk=drop.pk).update(external_id=f"host:{host.pk}", address="3 rue des Serres")
    merge(two, by)

    assert own_place(host=host, address="3 rue des Serres", postcode="31200") == keep
    assert own_place(host=host, address="5 rue des Serres", postcode="31200") != keep


class TestOldAddress:
    def test_the_public_page_answers_301_with_what_was_asked(self, client, two, by):
        merge(two, by)

        answer = client.get("/lieux/cantine-numerique/?jour=2027-06-10")

        assert (answer.status_code, answer.url) == (301, "/lieux/la-cantine/?jour=2027-06-10")

    @pytest.mark.parametrize("page", ["calendrier.ics", "salles/{room}/", "salles/{room}/calendrier.ics"])
    def test_calendars_and_rooms_lead_on_too(self, client, two, by, page):
        room = RoomFactory(venue=two[1])
        page = page.format(room=room.pk)
        merge(two, by)

        answer = client.get(f"/lieux/cantine-numerique/{page}")

        assert (answer.status_code, answer.url) == (301, f"/lieux/la-cantine/{page}")
        assert client.get(answer.url).status_code == 200

    def test_merged_twice_it_leads_to_the_last(self, client, two, by):
        keep, _drop = two
        merge(two, by)
        last = VenueFactory(territory=keep.territory, slug="le-dernier")

        merge_venues(keep_id=last.pk, drop_id=keep.pk, by=by, now=NOW)

        assert client.get("/lieux/cantine-numerique/").url == "/lieux/le-dernier/"
        assert client.get("/lieux/la-cantine/").url == "/lieux/le-dernier/"

    def test_an_unknown_address_is_still_not_found(self, client, two, by):
        merge(two, by)

        assert client.get("/lieux/nulle-part/").status_code == 404


def test_choices_are_asked_where_the_two_differ_and_the_fuller_is_proposed(two):
    keep, drop = two
    drop.contact_name, drop.website, keep.website, drop.is_totem = (
        "Sam",
        "https://b.example/",
        "https://a.example/",
        True,
    )

    assert differing(keep, drop) == ["name", "website", "is_totem", "contact"]
    assert better_taken(keep, drop) == ["is_totem", "contact"]
