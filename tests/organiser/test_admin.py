"""The back office: actions call the rules, counters are read, a clash is an error of the form."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib import admin
from django.urls import reverse

from events.models import (
    Activity,
    EcosystemEntry,
    FestivalTeam,
    Figure,
    Message,
    Programme,
    RoomOccupancy,
    Slot,
)
from events.scheduling.place import place_slot
from tests.factories import (
    DAY,
    NOW,
    ActivityFactory,
    AppearanceFactory,
    FestivalFactory,
    HostPersonFactory,
    RegistrationFactory,
    TerritoryFactory,
    UserFactory,
)

from .conftest import a_slot, submitted


@pytest.fixture
def office(client, place):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def occupancy(place, **changes):
    return {
        "room": place.room.pk,
        "slot": "",
        "label": "Répétition",
        "starts_at_0": "2027-06-10",
        "starts_at_1": "10:30:00",
        "ends_at_0": "2027-06-10",
        "ends_at_1": "12:00:00",
        "active": "on",
        **changes,
    }


def test_every_list_and_every_form_opens(office, place):
    slot = a_slot(place)
    place_slot(slot_id=slot.pk, room_id=place.room.pk, by=place.organiser, now=NOW)
    RegistrationFactory(slot=slot)

    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert office.get(reverse(f"{name}_changelist"), {"q": "a"}).status_code == 200, name
        row = model._default_manager.first()
        if row is not None:
            assert office.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200, name


def test_a_clash_typed_by_hand_is_said_at_the_form(office, place):
    place_slot(slot_id=a_slot(place).pk, room_id=place.room.pk, by=place.organiser, now=NOW)

    answer = office.post(reverse("admin:events_roomoccupancy_add"), occupancy(place))

    assert answer.status_code == 200
    assert answer.context["adminform"].form.non_field_errors() == [
        "La salle est occupée à cette heure-là. Un robot jardinier"
    ]
    assert RoomOccupancy.objects.count() == 1


def test_what_does_not_clash_is_saved(office, place):
    place_slot(slot_id=a_slot(place).pk, room_id=place.room.pk, by=place.organiser, now=NOW)

    answer = office.post(reverse("admin:events_roomoccupancy_add"), occupancy(place, starts_at_1="11:00:00"))

    assert answer.status_code == 302
    assert RoomOccupancy.objects.count() == 2


def test_an_occupancy_edited_into_a_clash_stays_as_it_was(office, place):
    place_slot(slot_id=a_slot(place).pk, room_id=place.room.pk, by=place.organiser, now=NOW)
    start = dt.datetime(2027, 6, 10, 12, tzinfo=dt.UTC)
    row = RoomOccupancy.objects.create(
        room=place.room, label="Répétition", starts_at=start, ends_at=start + dt.timedelta(hours=1)
    )

    answer = office.post(reverse("admin:events_roomoccupancy_change", args=[row.pk]), occupancy(place))

    assert answer.status_code == 200
    row.refresh_from_db()
    assert row.starts_at == start


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"label": " "}, "label"), ({"ends_at_1": "09:00:00"}, "ends_at"), ({"room": ""}, "room")],
)
def test_an_occupancy_that_cannot_be_is_said_at_its_field(office, place, changes, field):
    answer = office.post(reverse("admin:events_roomoccupancy_add"), occupancy(place, **changes))

    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]


def test_activities_are_accepted_by_the_rule(office, place):
    waiting, draft = submitted(place), submitted(place, state="draft", submitted_at=None)

    office.post(
        reverse("admin:events_activity_changelist"),
        {"action": "accept", "_selected_action": [waiting.pk, draft.pk]},
    )

    assert [Activity.objects.get(pk=pk).state for pk in (waiting.pk, draft.pk)] == ["published", "draft"]


def test_slots_are_withdrawn_by_the_rule_and_people_told(office, place):
    slot = a_slot(place)
    RegistrationFactory(slot=slot)

    office.post(
        reverse("admin:events_slot_changelist"), {"action": "withdraw", "_selected_action": [slot.pk]}
    )

    slot.refresh_from_db()
    assert slot.state == Slot.State.CANCELLED
    assert Message.objects.get().kind == "slot_cancelled"


def test_counters_are_not_typed(office, place):
    slot = a_slot(place, taken=3)

    office.post(
        reverse("admin:events_slot_change", args=[slot.pk]),
        {"taken": "0", "state": "draft", "capacity": "1", "overbook": "0", "waiting_list_open": "on"},
    )

    slot.refresh_from_db()
    assert (slot.taken, slot.state, slot.capacity) == (3, "published", 10)


def test_a_draft_s_time_is_derived_from_the_wall_clock(office, place):
    slot = a_slot(place, state="draft")

    office.post(
        reverse("admin:events_slot_change", args=[slot.pk]),
        {
            "day": "2027-06-11",
            "start_time": "15:00",
            "duration": "30",
            "timezone": "Europe/Paris",
            "capacity": "8",
            "overbook": "0",
        },
    )

    slot.refresh_from_db()
    assert slot.starts_at == dt.datetime(2027, 6, 11, 13, tzinfo=dt.UTC)
    assert slot.capacity == 8


@pytest.fixture
def somebody(place):
    """Who receives at ten; the host has another slot, of another activity, at eleven."""
    first = a_slot(place)
    activity = ActivityFactory(host=place.host, festival=place.festival)
    other = a_slot(place, dt.time(11), activity=activity, state="draft")
    person = AppearanceFactory(slot=first, person__name="Dominique Petit").person
    return person, first, other


def test_an_appearance_that_clashes_is_said_at_the_form(office, somebody):
    person, first, other = somebody
    Slot.objects.filter(pk=other.pk).update(starts_at=first.starts_at, ends_at=first.ends_at)
    add = reverse("admin:events_appearance_add")

    answer = office.post(add, {"person": person.pk, "slot": other.pk})

    assert answer.status_code == 200
    [said] = answer.context["adminform"].form.non_field_errors()
    assert said.endswith("Dominique Petit (Un robot jardinier)")
    Slot.objects.filter(pk=other.pk).update(starts_at=other.starts_at, ends_at=other.ends_at)
    assert office.post(add, {"person": person.pk, "slot": other.pk}).status_code == 302
    assert list(other.appearances.values_list("starts_at")) == [(other.starts_at,)]


def test_somebody_of_another_host_is_an_error(office, somebody):
    answer = office.post(
        reverse("admin:events_appearance_add"), {"person": HostPersonFactory().pk, "slot": somebody[1].pk}
    )
    assert list(answer.context["adminform"].form.errors) == ["person"]


def slot_data(start):
    return {
        "day": "2027-06-10",
        "start_time": start,
        "duration": "60",
        "timezone": "Europe/Paris",
        "capacity": "8",
        "overbook": "0",
    }


def test_a_slot_typed_onto_its_people_s_other_visit_is_an_error_of_the_form(office, somebody):
    person, _first, other = somebody
    AppearanceFactory(slot=other, person=person)
    change = reverse("admin:events_slot_change", args=[other.pk])

    answer = office.post(change, slot_data("10:00"))

    assert answer.status_code == 200
    [said] = answer.context["adminform"].form.non_field_errors()
    assert said.endswith("Dominique Petit (Un robot jardinier)")
    other.refresh_from_db()
    assert other.start_time == dt.time(11)
    assert office.post(change, slot_data("12:00")).status_code == 302


def test_a_slot_added_by_hand_starts_when_no_other_does(office, somebody):
    first = somebody[1]
    add, data = reverse("admin:events_slot_add"), {"activity": first.activity_id, **slot_data("10:00")}
    answer = office.post(add, data)
    assert list(answer.context["adminform"].form.errors) == ["start_time"]
    assert office.post(add, {**data, "start_time": "15:00"}).status_code == 302
    assert Slot.objects.filter(activity=first.activity_id).count() == 2


def test_a_national_team_finds_its_own_edition_alone(client, place):
    user = UserFactory(is_staff=True)
    FestivalTeam.objects.create(festival=place.festival, user=user)
    mine, theirs = a_slot(place), RegistrationFactory().slot
    client.force_login(user)

    page = client.get(reverse("admin:events_slot_changelist"))

    assert [slot.pk for slot in page.context["cl"].result_list] == [mine.pk]
    assert client.get(reverse("admin:events_slot_change", args=[theirs.pk])).status_code == 302
    assert client.get(reverse("admin:events_visitor_changelist")).status_code == 403
    assert client.get(reverse("admin:accounts_user_changelist")).status_code == 403


def test_a_national_team_finds_the_figures_and_names_of_its_own_alone(client, place):
    user = UserFactory(is_staff=True)
    FestivalTeam.objects.create(festival=place.festival, user=user)
    read = {"value": "40", "label_fr": "hôtes", "as_of": DAY, "source_name": "Clubic"}
    programme = Programme.objects.create(festival=place.festival, name="Start-up Assembly", slug="assembly")
    mine = [
        Figure.objects.create(territory=place.territory, **read),
        Figure.objects.create(programme=programme, **read),
    ]
    Figure.objects.create(territory=TerritoryFactory(), **read)
    name = EcosystemEntry.objects.create(territory=place.territory, name="Tetalab")
    EcosystemEntry.objects.create(territory=TerritoryFactory(), name="Ailleurs")
    client.force_login(user)

    figures = client.get(reverse("admin:events_figure_changelist")).context["cl"].result_list
    names = client.get(reverse("admin:events_ecosystementry_changelist")).context["cl"].result_list

    assert sorted(figure.pk for figure in figures) == [figure.pk for figure in mine]
    assert [one.pk for one in names] == [name.pk]


@pytest.fixture
def national(client, place):
    user = UserFactory(is_staff=True)
    FestivalTeam.objects.create(festival=place.festival, user=user)
    client.force_login(user)
    return client


def test_a_national_team_moves_nothing_into_what_is_not_its_own(national, place):
    theirs = FestivalFactory(), TerritoryFactory()
    programme = Programme.objects.create(festival=place.festival, name="Start-up Assembly", slug="assembly")
    commune = place.territory.communes.get()
    typed = {"name": "x", "slug": "x", "festival": theirs[0].pk, "territory": theirs[1].pk}

    moved = national.post(reverse("admin:events_programme_change", args=[programme.pk]), typed)
    taken = national.post(reverse("admin:events_commune_change", args=[commune.pk]), typed)

    assert "festival" in moved.context["adminform"].form.errors
    assert "territory" in taken.context["adminform"].form.errors
    typed |= {"festival": place.festival.pk, "territory": place.territory.pk}
    assert national.post(reverse("admin:events_commune_change", args=[commune.pk]), typed).status_code == 302


def test_a_national_team_takes_in_territories_that_are_nobody_else_s(national, place):
    free, theirs = TerritoryFactory(), TerritoryFactory()
    FestivalFactory().territories.add(theirs)

    page = national.get(reverse("admin:events_festival_change", args=[place.festival.pk]))

    field = page.context["adminform"].form.fields["territories"]
    assert set(field.queryset) == {place.territory, free}


def test_a_national_team_learns_of_no_account_that_has_nothing_to_do_with_it(national, place):
    UserFactory(email="ailleurs@example.org")
    team = FestivalTeam.objects.get(festival=place.festival).user

    page = national.get(reverse("admin:events_festival_change", args=[place.festival.pk]))

    [roles] = [part for part in page.context["inline_admin_formsets"] if part.opts.model is FestivalTeam]
    assert set(roles.formset.empty_form.fields["user"].queryset) == {team, place.organiser}


def test_a_local_organiser_has_no_back_office(client, place):
    client.force_login(place.organiser)

    assert client.get(reverse("admin:index")).status_code == 302


def test_bodies_of_mails_are_not_shown(office, place):
    mail = Message.objects.create(
        kind=Message.Kind.ACCOUNT,
        dedupe_key="account:1",
        recipient="x@example.org",
        message_id="<1@example.org>",
        text_body="https://example.org/secret-link",
        next_attempt_at=NOW,
        created_at=NOW,
    )

    page = office.get(reverse("admin:events_message_change", args=[mail.pk]))

    assert "secret-link" not in page.content.decode()
