"""« Ma journée » as a page: stars on the device, a plan in the address, a whole day booked at once."""

from __future__ import annotations

import datetime as dt

import icalendar
import pytest
from django.urls import reverse

from events.limits import Limit, count
from events.models import Registration
from events.views.admission import BOOKINGS, PER
from events.views.stars import COOKIE
from tests.factories import DAY, NOW, SlotFactory, VenueFactory

pytestmark = pytest.mark.django_db
PAGE = "/ma-journee/"
NORTH = {"latitude": 43.61, "longitude": 1.44}


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


@pytest.fixture
def slots():
    return [SlotFactory(start_time=dt.time(hour), duration=30, capacity=4) for hour in (9, 11)]


@pytest.fixture
def starred(client, slots):
    client.cookies[COOKIE] = ".".join(str(slot.activity_id) for slot in slots)
    return client


def star(slot):
    return reverse("events:star", args=[slot.activity_id])


def booking(response, **changes):
    """What the form of the page sends."""
    form = response.context["form"]
    values = {name: form[name].value() for name in form.fields}
    return {**values, "email": "camille@example.org", **changes}


def test_a_star_is_given_and_taken_without_script_and_a_get_does_neither(client, slots):
    assert "Lui mettre une étoile" in client.get(star(slots[0])).content.decode()
    assert COOKIE not in client.cookies

    client.post(star(slots[0]), {"act": "add", "next": "/programme/"})
    assert client.cookies[COOKIE].value == str(slots[0].activity_id)
    client.post(star(slots[0]), {"act": "dear"})
    assert client.cookies[COOKIE].value == f"{slots[0].activity_id}*"
    client.post(star(slots[0]), {"act": "remove"})
    assert client.cookies[COOKIE].value == ""


@pytest.mark.parametrize("onward", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_a_star_leads_nowhere_else(client, slots, onward):
    assert client.post(star(slots[0]), {"act": "add", "next": onward}).url == PAGE


def test_stars_become_a_day(starred, slots):
    page = starred.get(PAGE)
    assert [shown.step.slot for shown in page.context["steps"]] == slots
    assert page.context["totals"].startswith("2 visites")


def test_a_shared_link_shows_the_same_day_to_somebody_without_stars(client, slots):
    client.cookies[COOKIE] = ".".join(str(slot.activity_id) for slot in slots)
    share = client.get(PAGE).context["share"]
    client.cookies.clear()

    page = client.get(
        share.removeprefix("http://testserver").partition("8000")[2] or share[share.index("/ma-") :]
    )

    assert [shown.step.slot for shown in page.context["steps"]] == slots
    assert page.context["is_shared"]
    client.post(reverse("events:stars"), {"choix": page.context["shared"]})
    assert client.cookies[COOKIE].value == ".".join(str(slot.activity_id) for slot in slots)


def test_without_a_star_the_page_says_what_a_star_does(client):
    assert "Mettez une étoile" in client.get(PAGE).content.decode()


def test_the_plan_is_a_calendar_too(starred, slots):
    answer = starred.get(reverse("events:my_day_calendar"))
    found = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
    assert len(found) == len(slots)


@pytest.mark.parametrize(("asked", "name"), [("", "Ma journée"), ("?hl=en", "My day")])
def test_a_calendar_subscribes_to_the_day_without_the_cookie(starred, slots, asked, name):
    address = starred.get(f"{PAGE}{asked}").context["subscription"]
    assert address.startswith("webcal://")
    starred.cookies.clear()

    calendar = icalendar.Calendar.from_ical(starred.get(address[address.index("/ma-journee") :]).content)

    assert len(calendar.walk("VEVENT")) == len(slots)
    assert str(calendar["X-WR-CALNAME"]) == name


def test_a_day_with_a_booking_is_not_subscribed_to_since_a_program_would_see_another(starred, slots):
    """The device knows what it has booked; a calendar program has no cookie."""
    assert "webcal://" in starred.get(PAGE).content.decode()

    starred.post(PAGE, booking(starred.get(PAGE)))
    starred.get(f"/mes-visites/{Registration.objects.all()[0].visitor.token}/")

    page = starred.get(PAGE)
    assert page.context["subscription"] == ""
    assert "webcal://" not in page.content.decode()
    assert "/ma-journee.ics" in page.content.decode()


def test_the_whole_day_is_booked_at_once(starred, slots):
    page = starred.get(PAGE)

    answer = starred.post(PAGE, booking(page), follow=True)

    assert Registration.objects.filter(status="confirmed").count() == 2
    assert "2 visites" in answer.content.decode()
    page = answer.content.decode()
    assert "ca…e@example.org" in page
    assert "C’est noté" in page
    assert all(slot.activity.title in page for slot in slots)
    assert "Réserver ma journée" not in page
    assert page.count("ca…e@example.org") == 1, "said once, where it is read"
    assert "Un rappel arrive la veille." in page
    assert page.partition('<ol class="plan">')[2].count('href="#porte-ouverte"') == 2, (
        "open to who has a place, were it the last one"
    )
    assert starred.get(PAGE, {"envoi": "x.99999999999999999999.7"}).status_code == 200


def test_when_one_has_filled_up_nothing_is_booked_and_what_was_typed_stays(starred, slots):
    page = starred.get(PAGE)
    type(slots[1]).objects.filter(pk=slots[1].pk).update(taken=4)

    answer = starred.post(PAGE, booking(page))

    assert answer.status_code == 409
    assert not Registration.objects.exists()
    assert slots[1].activity.title in answer.context["refused"]
    assert answer.context["form"]["email"].value() == "camille@example.org"
    assert [shown.step.slot for shown in answer.context["steps"]] == [slots[0]]


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "camille"},
        {"slots": ["x"]},
        {"slots": ["0"]},
        {"slots": ["9" * 30]},
        {"slots": [str(number) for number in range(1, 30)]},
        {"slots": []},
        {"slots": ["987654"]},
        {"party_size": "0"},
    ],
)
def test_what_cannot_be_is_answered_and_nothing_is_booked(starred, slots, changes):
    page = starred.get(PAGE)
    assert starred.post(PAGE, booking(page, **changes)).status_code == 422
    assert not Registration.objects.exists()


def test_one_peer_cannot_book_for_ever(starred, slots):
    page = starred.get(PAGE)
    answers = [
        starred.post(PAGE, booking(page, email=f"v{n}@example.org", slots=[9999])).status_code
        for n in range(3)
    ]
    assert answers == [422] * 3
    for _ in range(BOOKINGS):
        count([Limit("register", "127.0.0.1", BOOKINGS, PER)], now=NOW)
    refused = starred.post(PAGE, booking(page))
    assert (refused.status_code, int(refused["Retry-After"]) > 0) == (429, True)
    assert not Registration.objects.exists()


def test_the_question_is_said_in_one_line_with_what_was_chosen(starred, slots):
    said = starred.get(PAGE, {"moment": "matin", "places": "2"}).context["said"]
    assert said.replace("\xa0", " ") == "jeudi 10 juin, à pied, pour 2 personnes, jusqu’à 13 h"


def test_what_does_not_fit_between_the_hours_is_a_tap_away(starred, slots):
    answer = starred.get(PAGE, {"a": "11:00"})
    [left] = answer.context["left"]
    assert "1 étoile n’y tient pas" in answer.content.decode()
    assert (left.left.activity, left.with_it_said) == (slots[1].activity, "Préparer la journée entière")

    page = starred.get(PAGE + left.with_it)
    assert [shown.step.slot for shown in page.context["steps"]] == slots


def test_another_day_is_called_by_its_name(starred, slots):
    later = SlotFactory(activity=slots[0].activity, day=DAY + dt.timedelta(days=1), start_time=dt.time(10))
    type(slots[0]).objects.filter(pk=slots[0].pk).update(taken=4)

    [left] = starred.get(PAGE, {"jour": DAY.isoformat()}).context["left"]

    assert left.with_it_said.replace("\xa0", " ") == "Préparer le vendredi 11 juin"
    page = starred.get(PAGE + left.with_it)
    assert [shown.step.slot for shown in page.context["steps"]] == [later]


def test_the_day_asked_for_is_the_day_shown(starred, slots):
    later = SlotFactory(activity=slots[0].activity, day=DAY + dt.timedelta(days=1), start_time=dt.time(10))
    page = starred.get(PAGE, {"jour": later.day.isoformat()})
    assert [shown.step.slot for shown in page.context["steps"]] == [later]


def test_the_day_begins_at_a_venue_or_in_the_middle_of_a_city_chosen_without_script(starred, slots):
    first = slots[0].activity
    near = VenueFactory(territory=first.territory, name="La Cantine", slug="la-cantine", **NORTH)
    far = VenueFactory(territory=first.territory, slug="loin", latitude=43.58, longitude=1.44)
    type(slots[0]).objects.filter(pk=slots[0].pk).update(venue=near)

    page = starred.get(PAGE)
    [choice] = [one for one in page.context["tuning"] if one.name == "depart"]
    middle = f"ville-{first.territory.slug}"
    assert {middle, "la-cantine", "loin"} <= {value for value, _label, _is in choice.options}

    def minutes(start):
        answer = starred.get(PAGE, {"depart": start})
        assert f'<option value="{start}" selected>' in answer.content.decode()
        assert f"depart={start}" in answer.context["share"]
        return answer.context["steps"][0].step.way

    assert minutes("la-cantine") == 5, "to find the door"
    assert minutes(far.slug) > minutes(middle) > 5
    assert starred.get(PAGE, {"depart": "nulle-part"}).context["steps"][0].step.way == 0


def test_a_day_that_holds_sixty_stars_says_that_no_more_fits(client, slots):
    client.cookies[COOKIE] = ".".join(str(10_000 + number) for number in range(59))
    shared = ".".join(str(slot.activity_id) for slot in slots[:2])

    client.post(reverse("events:stars"), {"choix": shared})
    page = client.get(reverse("events:my_day")).content.decode()

    assert len(client.cookies[COOKIE].value.split(".")) == 60
    assert "1 visite ajoutée à votre journée" in page.replace("\xa0", " ")
    assert "retirez-en pour en ajouter d’autres" in page

    client.post(reverse("events:star", args=[slots[1].activity_id]), {"act": "add"})
    assert "retirez-en pour en ajouter d’autres" in client.get(reverse("events:my_day")).content.decode()
    assert len(client.cookies[COOKIE].value.split(".")) == 60
