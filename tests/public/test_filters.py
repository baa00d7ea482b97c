"""What may be asked of the programme, and that a page neither repeats nor skips."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.cache import caches
from django.http import QueryDict

from events.models import Activity, Commune, Festival, Programme, Slot
from events.moderation import accept_activity
from events.programme import Cursor, Filters, facets, find, tally
from events.scheduling.repeat import add_slots, repetition
from tests.factories import (
    DAY,
    NOW,
    ActivityFactory,
    FestivalFactory,
    HostFactory,
    SlotFactory,
    TerritoryFactory,
    UserFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db


def asked(query: str) -> Filters:
    return Filters.read(QueryDict(query))


def titles(query: str, **options: bool) -> list[str]:
    return [slot.activity.title_fr for slot in find(asked(query), NOW, **options).slots]


@pytest.fixture
def two() -> tuple[Slot, Slot]:
    """Two slots that differ in everything one may filter by: « robot » in Toulouse, « vélos » in Lyon."""
    festival = FestivalFactory()
    toulouse = TerritoryFactory(name="Toulouse et Labège", slug="toulouse")
    labege = Commune.objects.create(territory=toulouse, name="Labège")
    robot = SlotFactory(
        activity=ActivityFactory(
            festival=festival,
            host=HostFactory(territory=toulouse),
            programme=Programme.objects.create(
                festival=festival, name="Start-up Assembly", slug="start-up-assembly"
            ),
            title_fr="robot",
            description_fr="",
            format="demo",
            theme="robotics",
            languages=["fr"],
            access=["mi", "hi"],
            audience="schools",
        ),
        venue=VenueFactory(territory=toulouse, commune=labege, latitude=43.5465, longitude=1.5105),
        day=DAY,
        start_time=dt.time(9),
        capacity=10,
        taken=9,
    )
    bikes = SlotFactory(
        activity=ActivityFactory(
            festival=festival,
            host=HostFactory(name="Tuile Rose", territory=TerritoryFactory(name="Lyon", slug="lyon")),
            title_fr="vélos",
            format="workshop",
            theme="mobility",
            languages=["fr", "en"],
            access=["vi"],
            mode="drop_in",
        ),
        venue=VenueFactory(latitude=45.76, longitude=4.85),
        day=DAY + dt.timedelta(days=1),
        start_time=dt.time(18, 30),
        capacity=None,
    )
    return robot, bikes


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["robot", "vélos"]),
        ("q=velos", ["vélos"]),
        ("q=VÉLOS", ["vélos"]),
        ("q=robot+lyon", []),
        ("q=robots+canal", ["robot"]),
        ("ville=toulouse", ["robot"]),
        ("ville=lyon", ["vélos"]),
        ("ville=Lab%C3%A8ge", ["robot"]),
        ("ville=labege", ["robot"]),
        ("ville=nulle-part", []),
        ("jour=2027-06-10", ["robot"]),
        ("jour=2027-06-11", ["vélos"]),
        ("jour=2027-06-12", []),
        ("moment=matin", ["robot"]),
        ("moment=soir", ["vélos"]),
        ("moment=midi", []),
        ("operation=start-up-assembly", ["robot"]),
        ("format=workshop", ["vélos"]),
        ("thematique=robotics", ["robot"]),
        ("langue=en", ["vélos"]),
        ("langue=fr", ["robot", "vélos"]),
        ("acces=mi", ["robot"]),
        ("acces=mi&acces=hi", ["robot"]),
        ("acces=mi,vi", []),
        ("mode=drop_in", ["vélos"]),
        ("mode=first_come", ["robot"]),
        ("public=schools", ["robot"]),
        ("public=everyone", ["vélos"]),
        ("autour=43.5465,1.5105,1", ["robot"]),
        ("autour=43.6045,1.444,2", []),
        ("autour=43.6045,1.444,10", ["robot"]),
        ("autour=45.76,4.85,0.1", ["vélos"]),
        ("cadre=43,1,44,2", ["robot"]),
        ("cadre=43,1,46,5", ["robot", "vélos"]),
        ("cadre=43,4,44,5", []),
        ("cadre=43,4,44,2", ["robot"]),
        ("cadre=43,1,46,5&autour=45.76,4.85,5&public=everyone&mode=drop_in", ["vélos"]),
        ("places=1", ["robot", "vélos"]),
        ("places=2", ["vélos"]),
        ("places=libre", ["vélos"]),
        ("ville=toulouse&jour=2027-06-10&moment=matin&acces=mi&q=robot", ["robot"]),
        ("ville=toulouse&moment=soir", []),
    ],
)
def test_each_filter_narrows_and_they_combine(two: object, query: str, found: list[str]) -> None:
    assert titles(query) == found


@pytest.mark.parametrize(
    ("query", "unread"),
    [
        ("jour=hier", ("jour",)),
        ("jour=2027-02-30", ("jour",)),
        ("moment=demain", ("moment",)),
        ("format=danse", ("format",)),
        ("thematique='; DROP TABLE", ("thematique",)),
        ("langue=klingon", ("langue",)),
        ("acces=mi&acces=zz", ("acces",)),
        ("mode=%00", ("mode",)),
        ("places=beaucoup", ("places",)),
        ("places=-3", ("places",)),
        ("places=99999", ("places",)),
        ("operation=a%20b", ("operation",)),
        ("public=martiens", ("public",)),
        ("autour=ici", ("autour",)),
        ("autour=43.6,1.4", ("autour",)),
        ("autour=91,1.4,2", ("autour",)),
        ("autour=43.6,1.4,0", ("autour",)),
        ("autour=43.6,1.4,101", ("autour",)),
        ("autour=nan,inf,1e3", ("autour",)),
        ("cadre=1,2,3", ("cadre",)),
        ("cadre=44,1,43,2", ("cadre",)),
        ("cadre=43,1,44,181", ("cadre",)),
        ("apres=garbage", ("apres",)),
        ("apres=%F0%9F%92%A9", ("apres",)),
        ("after=OTk5OTk5OTk5OTk5OTk5OTk5LjE", ("after",)),
    ],
)
def test_what_cannot_be_read_is_left_out_and_named(two: object, query: str, unread: tuple[str, ...]) -> None:
    filters = asked(query)

    assert filters.unread == (() if query == "mode=%00" else unread)
    assert titles(query) == (["robot"] if query.startswith("acces=mi") else ["robot", "vélos"])


def test_the_question_is_written_back_as_it_was_read() -> None:
    query = (
        "q=robot&ville=toulouse&jour=2027-06-10&moment=matin&format=demo&acces=mi&acces=hi&places=2"
        "&public=families&mode=ballot&autour=-43.6,-1.444,2.5&cadre=43.1,1.25,44,2"
    )

    filters = asked(query)

    assert Filters.read(QueryDict(filters.query_string()[1:])) == filters


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("ville=lyon&ville_avant=toulouse&cadre=43,1,44,2&autour=43.6,1.4,2", "?ville=lyon"),
        ("ville=lyon&ville_avant=&cadre=43,1,44,2", "?ville=lyon"),
        ("ville=&ville_avant=toulouse&cadre=43,1,44,2&autour=43.6,1.4,2", "?autour=43.6%2C1.4%2C2"),
        ("ville=Toulouse&ville_avant=toulouse&cadre=43,1,44,2", "?ville=toulouse&cadre=43%2C1%2C44%2C2"),
        ("ville=lyon&cadre=43,1,44,2", "?ville=lyon&cadre=43%2C1%2C44%2C2"),
    ],
)
def test_another_city_leaves_the_part_of_the_map_behind(query: str, left: str) -> None:
    assert asked(query).query_string() == left


def test_a_point_is_written_down_no_closer_than_a_hundred_metres() -> None:
    filters = asked("autour=43.604652,1.444209,2")

    assert filters.query_string() == "?autour=43.605%2C1.444%2C2"


def test_drafts_past_slots_and_other_editions_are_not_found() -> None:
    SlotFactory(state=Slot.State.DRAFT)
    SlotFactory(activity__state=Activity.State.SUBMITTED)
    SlotFactory(activity__festival__state=Festival.State.DRAFT)
    SlotFactory(activity__festival__state=Festival.State.ARCHIVED)
    SlotFactory(day=NOW.date() - dt.timedelta(days=1))
    shown = SlotFactory()

    assert find(Filters(), NOW).slots == [shown]


def test_cancelled_slots_are_found_only_where_they_are_said_to_be() -> None:
    cancelled = SlotFactory(state=Slot.State.CANCELLED, cancelled_at=NOW)

    assert find(Filters(), NOW).slots == []
    assert find(Filters(), NOW, cancelled=True).slots == [cancelled]
    assert find(Filters(places=1), NOW, cancelled=True).slots == []


def test_pages_cover_everything_exactly_once_ties_included() -> None:
    made = [SlotFactory(start_time=dt.time(10 + n // 5)).pk for n in range(13)]
    seen: list[int] = []
    filters = Filters()
    for _page in range(10):
        page = find(filters, NOW, limit=3)
        seen += [slot.pk for slot in page.slots]
        if page.next_cursor is None:
            break
        filters = Filters.read({"apres": page.next_cursor})

    assert seen == sorted(made, key=lambda pk: made.index(pk))
    assert len(seen) == len(set(seen)) == 13


def test_the_way_back_leads_through_the_same_pages() -> None:
    for n in range(10):
        SlotFactory(start_time=dt.time(10, n % 3))
    forth, cursors, cursor = [], [], None
    while True:
        page = find(Filters(after=cursor), NOW, limit=3, look_back=True)
        forth.append([slot.pk for slot in page.slots])
        cursors.append(page.previous_cursor)
        if page.next_cursor is None:
            break
        cursor = Cursor.read(page.next_cursor)

    back = [forth[-1]]
    for previous in reversed(cursors[1:]):
        after = Cursor.read(previous) if previous else None
        back.append([slot.pk for slot in find(Filters(after=after), NOW, limit=3).slots])

    assert cursors[0] is None
    assert cursors[1] == ""
    assert back[::-1] == forth


def test_a_cursor_survives_its_text() -> None:
    slot = SlotFactory()

    cursor = Cursor.read(str(Cursor.after(slot)))

    assert cursor == Cursor(slot.starts_at, slot.pk)


def test_counts_are_those_of_the_whole_set_on_the_clock_of_the_place() -> None:
    SlotFactory(start_time=dt.time(9), capacity=10, taken=4, held=1)
    SlotFactory(start_time=dt.time(9, 45), capacity=10, taken=10)
    SlotFactory(start_time=dt.time(14), activity__mode="drop_in", capacity=50)
    SlotFactory(day=DAY + dt.timedelta(days=1), start_time=dt.time(9), capacity=None)

    counts = tally(Filters(), NOW)

    assert (counts.total.slots, counts.total.places) == (4, 5)
    assert {day.isoformat(): amount.slots for day, amount in counts.by_day.items()} == {
        "2027-06-10": 3,
        "2027-06-11": 1,
    }
    assert [(hour, amount.slots, amount.places) for hour, amount in counts.hours_of(DAY)] == [
        (9, 2, 5),
        (10, 0, 0),
        (11, 0, 0),
        (12, 0, 0),
        (13, 0, 0),
        (14, 1, 0),
    ]


def test_facets_offer_only_what_there_is() -> None:
    reunion = TerritoryFactory(name="La Réunion", slug="la-reunion", timezone="Indian/Reunion")
    SlotFactory(activity__host=HostFactory(territory=reunion), activity__format="talk")
    SlotFactory(activity__format="demo", day=DAY + dt.timedelta(days=2))
    TerritoryFactory(name="Sans porte")

    offered = facets(NOW)

    assert offered.formats == ["demo", "talk"]
    assert offered.days == [DAY, DAY + dt.timedelta(days=2)]
    assert [choice.slots for choice in offered.territories] == [1, 1]
    assert offered.zone_of("la-reunion") == "Indian/Reunion"
    assert offered.zone_of("ailleurs") == "Europe/Paris"


def test_a_day_just_published_can_be_chosen_at_once(settings, django_capture_on_commit_callbacks) -> None:
    settings.CACHES = {
        **settings.CACHES,
        "fast": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "facets"},
    }
    later = DAY + dt.timedelta(days=1)
    activity = SlotFactory().activity
    sent = SlotFactory(activity__state="submitted", state="draft", day=later).activity
    assert facets(NOW).days == [DAY]

    with django_capture_on_commit_callbacks(execute=True):
        accept_activity(activity_id=sent.pk, by=UserFactory(), now=NOW)
    assert facets(NOW).days == [DAY, later]

    third = DAY + dt.timedelta(days=2)
    nine = repetition(
        days=[third], first=dt.time(9), last=None, every=60, duration=45, timezone="Europe/Paris"
    )
    with django_capture_on_commit_callbacks(execute=True):
        add_slots(activity_id=activity.pk, planned=nine, capacity=8, by=UserFactory(), now=NOW)
    assert facets(NOW).days == [DAY, later, third]
    caches["fast"].clear()


@pytest.mark.parametrize("count", [1, 3])
def test_a_question_costs_the_same_whatever_it_finds(count: int, django_assert_num_queries) -> None:
    for _n in range(count):
        SlotFactory(venue=VenueFactory())

    with django_assert_num_queries(8):
        page = find(Filters(), NOW)
        for slot in page.slots:
            assert slot.activity.host.name
            assert slot.activity.territory.name
            assert slot.venue
            assert slot.venue.city
        tally(Filters(), NOW)
        facets(NOW)


@pytest.mark.parametrize("query", ["q=%25", "q=___", "q=%00", "q=%E2%80%AE"])
def test_signs_without_a_word_ask_for_everything(query: str) -> None:
    SlotFactory(activity__title_fr="cent pour cent")

    assert titles(query) == ["cent pour cent"]
