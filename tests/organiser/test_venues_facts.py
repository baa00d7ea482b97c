"""What is known of a venue: its contact, where its position comes from, who has verified it, its communes."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse

from events.models import Commune, JournalEntry, TerritoryTeam, Venue, VenueManager
from events.scheduling.venue_facts import unverify_venue, verify_venue
from tests.factories import NOW, UserFactory, VenueFactory

from .conftest import a_slot
from .test_venues import hours, url


def fields(venue, **changed):
    """The form as it stands, and what is typed over it."""
    said = {
        "name": venue.name,
        "address": venue.address,
        "postcode": venue.postcode,
        "commune": venue.commune_id or "",
        "latitude": "" if venue.latitude is None else venue.latitude,
        "longitude": "" if venue.longitude is None else venue.longitude,
        "safety_capacity": venue.safety_capacity or "",
    }
    return {**said, **hours(), **changed}


@pytest.fixture
def manager(place):
    user = UserFactory()
    VenueManager.objects.create(venue=place.venue, user=user)
    return user


class TestContact:
    TYPED = {
        "contact_name": "Dominique Secret",
        "contact_email": "secret@cantine.example",
        "contact_phone": "05 61 99 88 77",
    }

    def test_it_is_kept_and_shown_at_the_desk(self, desk, place):
        desk.post(url("venue_edit", "la-cantine"), fields(place.venue, **self.TYPED))

        text = desk.get(url("venue", "la-cantine")).content.decode()
        assert all(said in text for said in self.TYPED.values())

    @pytest.mark.parametrize(
        ("typed", "where"),
        [({"contact_email": "personne"}, "contact_email"), ({"contact_phone": "chez moi"}, "contact_phone")],
    )
    def test_what_is_no_address_or_number_is_refused(self, desk, place, typed, where):
        answer = desk.post(url("venue_edit", "la-cantine"), fields(place.venue, **typed))

        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == [where]

    PUBLIC = (
        "/",
        "/programme/",
        "/programme/agenda/",
        "/programme/carte/",
        "/programme/carte/?ville=toulouse",
        "/villes/",
        "/villes/toulouse/",
        "/lieux/la-cantine/",
        "/hotes/{host}/",
        "/activites/{activity}/",
        "/creneaux/{slot}/",
        "/programme.ics",
        "/programme.rss",
        "/programme.json",
        "/programme.csv",
        "/programme.geojson",
        "/api/v1/slots/",
        "/api/v1/slots/{slot}/",
        "/sitemap.xml",
    )

    def test_it_is_on_no_public_page_feed_or_api(self, client, place):
        Venue.objects.update(**self.TYPED, latitude=43.6, longitude=1.44)
        slot = a_slot(place)
        for address in self.PUBLIC:
            page = client.get(
                address.format(slot=slot.pk, host=place.host.slug, activity=place.activity.slug), follow=True
            )
            text = b"".join(page.streaming_content) if page.streaming else page.content
            assert page.status_code == 200, address
            for said in ("Dominique", "secret@", "99 88 77"):
                assert said not in text.decode(), address

    def test_the_list_above_is_worth_something(self, client, place):
        """The negative control: what is public of the venue does appear where it would leak."""
        Venue.objects.update(latitude=43.6, longitude=1.44)
        slot = a_slot(place)
        for address in ("/lieux/la-cantine/", "/programme.json", "/programme.geojson", "/api/v1/slots/"):
            assert "Cantine" in client.get(address.format(slot=slot.pk)).content.decode(), address


class TestPosition:
    def put(self, desk, place, **changed):
        place.venue.refresh_from_db()
        answer = desk.post(url("venue_edit", "la-cantine"), fields(place.venue, **changed))
        assert answer.status_code == 302
        place.venue.refresh_from_db()
        return place.venue

    def test_what_is_typed_was_put_by_hand(self, desk, place):
        venue = self.put(desk, place, latitude="43.6049", longitude="1.4478")

        assert (venue.latitude, venue.position_from) == (43.6049, "hand")

    def test_saving_without_a_change_leaves_it_to_the_geocoder(self, desk, place):
        Venue.objects.update(
            latitude=43.60491234, longitude=1.0000007, position_from="geocoder", geocoded_at=NOW
        )

        venue = self.put(desk, place, name="La Cantine 2")

        assert (venue.position_from, venue.geocoded_at, venue.latitude) == ("geocoder", NOW, 43.60491234)

    def test_a_new_address_is_asked_for(self, desk, place):
        Venue.objects.update(latitude=43.6, longitude=1.4, position_from="geocoder", geocoded_at=NOW)

        venue = self.put(desk, place, address="3 place du Capitole")

        assert (venue.position_from, venue.geocoded_at) == ("geocoder", None)

    def test_a_new_address_leaves_what_was_put_by_hand(self, desk, place):
        Venue.objects.update(latitude=43.6, longitude=1.4, position_from="hand")

        venue = self.put(desk, place, address="3 place du Capitole")

        assert (venue.latitude, venue.position_from) == (43.6, "hand")

    def test_taken_away_it_is_looked_for_again(self, desk, place):
        Venue.objects.update(latitude=43.6, longitude=1.4, position_from="hand", geocoded_at=NOW)

        venue = self.put(desk, place, latitude="", longitude="")

        assert (venue.latitude, venue.position_from, venue.geocoded_at) == (None, "", None)

    def test_a_site_without_geocoder_says_so(self, desk, place):
        text = desk.get(url("venue", "la-cantine")).content.decode()

        assert "Ce site ne recherche pas les adresses" in text

    @pytest.mark.parametrize(
        ("known", "said"),
        [
            ({}, "en cours de recherche"),
            ({"geocoded_at": NOW}, "pas été trouvée avec certitude"),
            (
                {
                    "geocoded_at": NOW,
                    "geocoded_label": "27 Rue d’Aubuisson",
                    "latitude": 43.6,
                    "longitude": 1.4,
                    "position_from": "geocoder",
                },
                "27 Rue d’Aubuisson",
            ),
        ],
    )
    def test_the_page_says_how_far_the_search_is(self, desk, place, settings, known, said):
        settings.GEOCODER_URL = "http://127.0.0.1:9/"
        Venue.objects.update(**known)

        assert said in desk.get(url("venue", "la-cantine")).content.decode()

    def test_it_is_looked_up_again_at_a_press(self, desk, place, settings):
        settings.GEOCODER_URL = "http://127.0.0.1:9/"
        Venue.objects.update(geocoded_at=NOW)

        desk.post(url("venue_look_up", "la-cantine"))

        place.venue.refresh_from_db()
        assert place.venue.geocoded_at is None


class TestVerified:
    def test_an_organiser_verifies_and_the_public_sees_it(self, desk, place):
        desk.post(url("venue_verify", "la-cantine"))

        place.venue.refresh_from_db()
        assert (place.venue.is_verified, place.venue.verified_at, place.venue.verified_by) == (
            True,
            NOW,
            place.organiser,
        )
        assert "vérifié" in desk.get("/lieux/la-cantine/").content.decode()
        assert "Alix Relais" in desk.get(url("venue", "la-cantine")).content.decode()
        assert list(JournalEntry.objects.values_list("verb", "text")) == [
            ("venue_verified", "« La Cantine »")
        ]

    def test_who_verified_first_stays(self, place):
        verify_venue(venue_id=place.venue.pk, by=place.organiser, now=NOW)

        assert not verify_venue(venue_id=place.venue.pk, by=UserFactory(), now=NOW + dt.timedelta(days=1))

        place.venue.refresh_from_db()
        assert (place.venue.verified_by, place.venue.verified_at) == (place.organiser, NOW)

    def test_it_is_taken_back(self, desk, place):
        verify_venue(venue_id=place.venue.pk, by=place.organiser, now=NOW)

        desk.post(url("venue_verify", "la-cantine"), {"etat": "non"})

        place.venue.refresh_from_db()
        assert (place.venue.is_verified, place.venue.verified_by) == (False, None)
        assert not unverify_venue(venue_id=place.venue.pk, by=place.organiser, now=NOW)

    def test_a_manager_does_not_verify(self, client, place, manager):
        client.force_login(manager)

        assert client.post(url("venue_verify", "la-cantine")).status_code == 404
        assert not Venue.objects.filter(is_verified=True).exists()

    @pytest.mark.parametrize(
        "typed",
        [
            {"name": "La Cantine 2"},
            {"address": "3 place du Capitole"},
            {"postcode": "31200"},
            {"latitude": "43.6", "longitude": "1.4"},
            {"safety_capacity": "80"},
        ],
        ids=lambda typed: next(iter(typed)),
    )
    def test_a_manager_who_changes_what_was_verified_lifts_it(self, client, place, manager, typed):
        verify_venue(venue_id=place.venue.pk, by=place.organiser, now=NOW)
        client.force_login(manager)

        client.post(url("venue_edit", "la-cantine"), fields(place.venue, **typed))

        place.venue.refresh_from_db()
        assert (place.venue.is_verified, place.venue.verified_at, place.venue.verified_by) == (
            False,
            None,
            None,
        )
        assert JournalEntry.objects.filter(verb="venue_changed", actor=manager).exists()

    def test_a_manager_who_changes_something_else_does_not(self, client, place, manager):
        verify_venue(venue_id=place.venue.pk, by=place.organiser, now=NOW)
        client.force_login(manager)

        client.post(
            url("venue_edit", "la-cantine"), fields(place.venue, access_text_fr="Sonnez", step_free="on")
        )

        place.venue.refresh_from_db()
        assert (place.venue.is_verified, place.venue.step_free) == (True, True)

    def test_an_organiser_may_change_a_verified_venue(self, desk, place):
        verify_venue(venue_id=place.venue.pk, by=place.organiser, now=NOW)

        desk.post(url("venue_edit", "la-cantine"), fields(place.venue, name="La Cantine 2"))

        place.venue.refresh_from_db()
        assert (place.venue.name, place.venue.is_verified) == ("La Cantine 2", True)

    def test_an_organiser_of_elsewhere_who_manages_it_counts_as_a_manager(self, client, place, manager):
        TerritoryTeam.objects.create(territory=VenueFactory().territory, user=manager)
        verify_venue(venue_id=place.venue.pk, by=place.organiser, now=NOW)
        client.force_login(manager)

        client.post(url("venue_edit", "la-cantine"), fields(place.venue, name="La Cantine 2"))

        place.venue.refresh_from_db()
        assert place.venue.is_verified is False


class TestCommunes:
    @pytest.mark.parametrize(
        "code", ["31555", "2A004", "2b033", "97411", "98818", " 31 555 ", "01001", "95680"]
    )
    def test_a_commune_is_added_with_its_code(self, desk, place, code):
        desk.post(url("communes"), {"name": "Toulouse", "insee_code": code})

        made = Commune.objects.get(name="Toulouse")
        assert (made.territory, made.insee_code) == (place.territory, code.replace(" ", "").upper())

    @pytest.mark.parametrize(
        "code",
        ["3155", "315555", "2C004", "20004", "00001", "96001", "97911", "ABCDE", "31A55", "３１５５５"],
    )
    def test_what_is_no_code_is_refused_and_kept_in_the_field(self, desk, place, code):
        answer = desk.post(url("communes"), {"name": "Toulouse", "insee_code": code})

        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == ["insee_code"]
        assert code in answer.content.decode()
        assert not Commune.objects.filter(name="Toulouse").exists()

    def test_a_code_may_be_unknown(self, desk, place):
        desk.post(url("communes"), {"name": "Toulouse", "insee_code": ""})

        assert Commune.objects.get(name="Toulouse").insee_code == ""

    @pytest.mark.parametrize("name", ["labege", "LABÈGE", "…"])
    def test_a_name_that_is_there_or_none_is_refused(self, desk, place, name):
        answer = desk.post(url("communes"), {"name": name})

        assert list(answer.context["form"].errors) == ["name"]

    def test_a_code_belongs_to_one_commune(self, desk, place):
        Commune.objects.update(insee_code="31254")

        answer = desk.post(url("communes"), {"name": "Toulouse", "insee_code": "31254"})

        assert list(answer.context["form"].errors) == ["insee_code"]
        assert "Labège" in answer.content.decode()

    def test_a_commune_is_renamed_and_what_happens_there_is_found(self, desk, place):
        commune = Commune.objects.get()
        Venue.objects.update(commune=commune)

        answer = desk.post(
            url("commune", commune.pk), {"name": "Labège-Innopole", "insee_code": "31254"}, follow=True
        )

        place.activity.refresh_from_db()
        assert "innopole" in place.activity.search_text
        assert "31254" in answer.content.decode()

    def test_it_may_keep_its_own_name_and_code(self, desk, place):
        commune = Commune.objects.get()
        Commune.objects.update(insee_code="31254")

        answer = desk.post(url("commune", commune.pk), {"name": "Labège", "insee_code": "31254"})

        assert answer.status_code == 302

    def test_the_list_asks_as_often_for_one_as_for_three(self, desk, place):
        def queries():
            from django.db import connection
            from django.test.utils import CaptureQueriesContext

            with CaptureQueriesContext(connection) as caught:
                desk.get(reverse("events:organiser_communes", args=["toulouse"]))
            return len(caught)

        one = queries()
        for name in ("Blagnac", "Balma"):
            Commune.objects.create(territory=place.territory, name=name)
        assert queries() == one


class TestBackOffice:
    def save(self, client, place, **typed):
        client.force_login(UserFactory(is_staff=True, is_superuser=True, name="Nour"))
        page = client.get(f"/admin/events/venue/{place.venue.pk}/change/")
        form = page.context["adminform"].form
        values = {
            name: "" if (value := form[name].value()) in (None, []) else value
            for name in form.fields
            if name not in ("is_totem", "step_free", "is_verified", "access")
        }
        for formset in page.context["inline_admin_formsets"]:
            values |= {
                f"{formset.formset.prefix}-{name}": value
                for name, value in formset.formset.management_form.initial.items()
            }
            for line in formset.formset.initial_forms:
                values |= {
                    line.add_prefix(name): "" if (value := line[name].value()) is None else value
                    for name in line.fields
                }
        answer = client.post(page.request["PATH_INFO"], {**values, "sources": "[]", **typed})
        assert answer.status_code == 302, answer.context["errors"]
        place.venue.refresh_from_db()

    def test_a_position_typed_there_was_put_by_hand(self, client, place):
        self.save(client, place, latitude="43.6", longitude="1.4")

        assert place.venue.position_from == "hand"

    def test_verified_there_says_who_and_when(self, client, place):
        self.save(client, place, is_verified="on")

        assert (place.venue.is_verified, place.venue.verified_at) == (True, NOW)
        assert place.venue.verified_by.name == "Nour"

        self.save(client, place)
        assert (place.venue.is_verified, place.venue.verified_by) == (False, None)
