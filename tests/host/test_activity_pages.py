"""A host's activities: written, read over, submitted, changed once published, cancelled."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from events.hosting import change_activity, delete_draft, own_place
from events.models import Activity, Festival, JournalEntry, Message, Slot, Venue
from events.refusals import Reason, Refused
from events.registration.book import register_party
from tests.factories import NOW, RoomFactory, UserFactory, VenueFactory
from tests.host.people import a_host, a_slot, an_activity

pytestmark = pytest.mark.django_db
State = Activity.State


def typed(host, **changes: object) -> dict[str, object]:
    return {
        "festival": host.territory.festivals.get().pk,
        "title_fr": "La serre sur le toit",
        "description_fr": "On monte sur le toit.",
        "format": "guided_tour",
        "audience": "everyone",
        "languages": ["fr", "en"],
        "access": ["mi"],
        "mode": "first_come",
        "where": "own",
        "own_address": "3 rue des Serres",
        "own_postcode": "31200",
        **changes,
    }


class TestWrite:
    def test_a_draft_in_our_own_place(self, desk: Client, host, member):
        response = desk.post(reverse("events:host_activity_new", args=[host.slug]), typed(host))

        activity = Activity.objects.get()
        assert response.headers["Location"] == reverse("events:host_slots_add", args=[host.slug, activity.pk])
        assert (activity.state, activity.created_by, activity.territory) == ("draft", member, host.territory)
        assert (activity.languages, activity.access, activity.slug) == (
            ["fr", "en"],
            ["mi"],
            "la-serre-sur-le-toit",
        )
        assert (activity.venue.name, activity.venue.address, activity.venue.is_verified) == (
            "Les Robots",
            "3 rue des Serres",
            False,
        )

    def test_the_same_address_is_one_place(self, host):
        first, second = (own_place(host=host, address="3 rue des Serres", postcode="31200") for _ in "ab")

        assert (first.pk, Venue.objects.count()) == (second.pk, 1)

    def test_in_a_known_venue_of_the_territory(self, desk: Client, host):
        venue = VenueFactory(territory=host.territory)

        desk.post(
            reverse("events:host_activity_new", args=[host.slug]),
            typed(host, where="venue", venue=venue.pk, own_address=""),
        )

        assert Activity.objects.get().venue == venue

    def test_where_the_organisers_find_a_room(self, desk: Client, host):
        desk.post(
            reverse("events:host_activity_new", args=[host.slug]),
            typed(host, where="find", own_address="", room_needs="Un écran"),
        )

        activity = Activity.objects.get()
        assert (activity.venue, activity.room_needs) == (None, "Un écran")

    @pytest.mark.parametrize(
        ("changes", "fields"),
        [
            ({"title_fr": ""}, ["title_fr"]),
            ({"description_fr": ""}, ["description_fr"]),
            ({"own_address": ""}, ["own_address"]),
            ({"own_postcode": "3120A"}, ["own_postcode"]),
            ({"where": "venue"}, ["venue"]),
            ({"where": "nowhere"}, ["where"]),
            ({"mode": "lottery"}, ["mode"]),
            ({"minimum_age": "0"}, ["minimum_age"]),
            ({"minimum_age": "99"}, ["minimum_age"]),
            ({"languages": ["tlh"]}, ["languages"]),
            ({"format": "rave"}, ["format"]),
            ({"festival": "99999"}, ["festival"]),
            ({"title_fr": "Ro\x00bots"}, ["title_fr"]),
            ({"title_fr": "a\nb"}, ["title_fr"]),
            ({"description_fr": "x" * 5001}, ["description_fr"]),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field_and_the_rest_is_kept(
        self, desk: Client, host, changes, fields
    ):
        response = desk.post(
            reverse("events:host_activity_new", args=[host.slug]),
            typed(host, meeting_point="La porte verte", **changes),
        )

        assert (response.status_code, list(response.context["form"].errors)) == (422, fields)
        assert 'value="La porte verte"' in response.content.decode()
        assert not Activity.objects.exists()

    def test_a_venue_of_another_territory_is_not_offered(self, desk: Client, host):
        elsewhere = VenueFactory()

        response = desk.post(
            reverse("events:host_activity_new", args=[host.slug]),
            typed(host, where="venue", venue=elsewhere.pk),
        )

        assert list(response.context["form"].errors) == ["venue"]

    def test_the_home_of_another_host_is_not_offered(self, desk: Client, host):
        neighbour = a_host(slug="voisin", territory=host.territory)
        home = own_place(host=neighbour, address="5 rue X", postcode="")

        response = desk.get(reverse("events:host_activity_new", args=[host.slug]))

        assert home not in response.context["form"].fields["venue"].queryset

    def test_without_a_coming_edition_the_page_says_so(self, desk: Client, host):
        Festival.objects.update(ends_on=dt.date(2027, 5, 2), starts_on=dt.date(2027, 5, 1))

        response = desk.post(reverse("events:host_activity_new", args=[host.slug]), typed(host))

        assert response.templates[0].name == "events/host/no_edition.html"
        assert not Activity.objects.exists()


class TestSubmit:
    def test_the_page_says_what_is_missing_and_the_button_is_shut(self, desk: Client, host):
        activity = an_activity(host)

        response = desk.get(reverse("events:host_activity", args=[host.slug, activity.pk]))

        assert [point.code for point in response.context["points"] if not point.is_done] == [
            "slot",
            "capacity",
        ]
        assert 'aria-disabled="true"' in response.content.decode()

    def test_a_ready_one_is_submitted_and_may_be_taken_back(self, desk: Client, host):
        activity = an_activity(host)
        a_slot(activity)
        page = reverse("events:host_activity", args=[host.slug, activity.pk])

        desk.post(f"{page}soumettre/")
        submitted = Activity.objects.get().state
        desk.post(f"{page}reprendre/")

        assert (submitted, Activity.objects.get().state) == ("submitted", "draft")
        assert [message.kind for message in Message.objects.all()] == ["submitted"]

    def test_a_refusal_is_told_and_nothing_changes(self, desk: Client, host):
        activity = an_activity(host)
        page = reverse("events:host_activity", args=[host.slug, activity.pk])

        response = desk.post(f"{page}soumettre/", follow=True)

        assert [str(message) for message in response.context["messages"]] == [Reason.NO_SLOT.label]
        assert Activity.objects.get().state == "draft"

    def test_the_organisers_reason_is_read_on_the_page_and_on_the_overview(self, desk: Client, host):
        activity = an_activity(
            host, state=State.CHANGES_REQUESTED, moderation_note="Deux créneaux ? <b>Merci</b>"
        )

        for page in (
            reverse("events:host_activity", args=[host.slug, activity.pk]),
            reverse("events:host_overview", args=[host.slug]),
        ):
            said = desk.get(page).content.decode()
            assert "Deux créneaux ? &lt;b&gt;Merci&lt;/b&gt;" in said

    def test_a_rejected_one_is_taken_up_again(self, desk: Client, host):
        activity = an_activity(host, state=State.REJECTED, moderation_note="Hors sujet")

        desk.post(reverse("events:host_activity_reopen", args=[host.slug, activity.pk]))

        assert Activity.objects.get().state == "draft"


class TestChange:
    def test_all_of_a_draft_may_change_and_its_slots_follow_its_place(self, desk: Client, host):
        activity = an_activity(host)
        venue = VenueFactory(territory=host.territory)
        loose = a_slot(activity)
        placed = a_slot(activity, start_time=dt.time(15), room=RoomFactory(venue=VenueFactory()))

        response = desk.post(
            reverse("events:host_activity_edit", args=[host.slug, activity.pk]),
            typed(host, where="venue", venue=venue.pk, mode="drop_in", title_fr="Autre titre"),
        )

        activity.refresh_from_db(), loose.refresh_from_db(), placed.refresh_from_db()
        assert response.status_code == 302
        assert (activity.title_fr, activity.mode, activity.slug) == ("Autre titre", "drop_in", activity.slug)
        assert (loose.venue, placed.venue) == (venue, None)
        assert not JournalEntry.objects.exists()

    def test_the_page_shows_the_present_place(self, desk: Client, host):
        home = own_place(host=host, address="3 rue des Serres", postcode="31200")
        activity = an_activity(host, venue=home)

        form = desk.get(reverse("events:host_activity_edit", args=[host.slug, activity.pk])).context["form"]

        assert (form["where"].value(), form["own_address"].value()) == ("own", "3 rue des Serres")

    def test_of_a_published_one_the_texts_change_at_once_and_the_journal_says_so(
        self, desk: Client, host, member
    ):
        activity = an_activity(host, state=State.PUBLISHED, mode="first_come")

        desk.post(
            reverse("events:host_activity_edit", args=[host.slug, activity.pk]),
            {**typed(host), "title_fr": "Titre neuf", "mode": "drop_in", "where": "find"},
        )

        activity.refresh_from_db()
        assert (activity.title_fr, activity.mode, activity.state) == ("Titre neuf", "first_come", "published")
        entry = JournalEntry.objects.get()
        assert (entry.verb, entry.actor, entry.activity) == ("edited", member, activity)
        assert entry.text == "access, description_fr, languages, title_fr"

    def test_the_rule_itself_keeps_the_way_of_coming_of_a_published_one(self, host):
        activity = an_activity(host, state=State.PUBLISHED)

        with pytest.raises(Refused) as refused:
            change_activity(activity_id=activity.pk, values={"mode": "drop_in"}, by=UserFactory(), now=NOW)

        assert refused.value.reason == Reason.WRONG_STATE

    @pytest.mark.parametrize("state", ["submitted", "rejected", "cancelled"])
    def test_not_while_it_is_out_of_hand(self, desk: Client, host, state):
        activity = an_activity(host, state=state)

        response = desk.post(reverse("events:host_activity_edit", args=[host.slug, activity.pk]), typed(host))

        assert response.headers["Location"] == reverse("events:host_activity", args=[host.slug, activity.pk])
        assert Activity.objects.get().title_fr == "Dans l’atelier"

    def test_saving_without_a_change_writes_nothing(self, host):
        activity = an_activity(host, state=State.PUBLISHED)

        change_activity(
            activity_id=activity.pk, values={"title_fr": activity.title_fr}, by=UserFactory(), now=NOW
        )

        assert not JournalEntry.objects.exists()


class TestEnd:
    def test_a_draft_goes_for_good_with_its_slots(self, desk: Client, host):
        activity = an_activity(host)
        a_slot(activity)

        desk.post(reverse("events:host_activity_delete", args=[host.slug, activity.pk]))

        assert (Activity.objects.count(), Slot.objects.count()) == (0, 0)

    @pytest.mark.parametrize("changes", [{"state": "published"}, {"state": "draft", "published_at": NOW}])
    def test_what_was_once_public_does_not(self, host, changes):
        activity = an_activity(host, **changes)

        with pytest.raises(Refused) as refused:
            delete_draft(activity_id=activity.pk)

        assert refused.value.reason == Reason.WRONG_STATE

    def test_cancelling_asks_first_with_the_number_of_people(self, desk: Client, host):
        activity = an_activity(host, state=State.PUBLISHED)
        slot = a_slot(activity)
        register_party(
            slot_id=slot.pk, email="a@visite.example", party_size=3, submission_id=uuid.uuid4(), now=NOW
        )
        page = reverse("events:host_activity_cancel", args=[host.slug, activity.pk])

        asked = desk.get(page)
        empty = desk.post(page, {"reason": " "})
        assert (asked.context["people"], Slot.objects.get().state) == (3, "published")
        assert (empty.status_code, list(empty.context["form"].errors)) == (422, ["reason"])

        desk.post(page, {"reason": "Dégât des eaux"})

        assert (Activity.objects.get().state, Slot.objects.get().state) == ("cancelled", "cancelled")
        assert Message.objects.filter(kind="slot_cancelled", recipient="a@visite.example").count() == 1


def test_markup_in_a_text_is_shown_as_text(desk: Client, host):
    activity = an_activity(
        host,
        title_fr="<script>alert(1)</script>",
        description_fr='<img src=x onerror="alert(1)"> [clic](javascript:alert(1))',
        meeting_point="<svg onload=alert(1)>",
        state=State.PUBLISHED,
    )
    slot = a_slot(activity)

    for name, pk in (
        ("host_activity", activity.pk),
        ("host_activity_edit", activity.pk),
        ("host_slot", slot.pk),
        ("host_slot_withdraw", slot.pk),
    ):
        page = desk.get(reverse(f"events:{name}", args=[host.slug, pk])).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "<svg onload" not in page
        assert 'href="javascript' not in page
