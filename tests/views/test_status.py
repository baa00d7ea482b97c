"""Whether mail flows: one line for everybody, more for organisers, a word on every desk otherwise."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse

from events.links import desk_mails_token
from events.models import (
    DeliveryEvent,
    Heartbeat,
    HostMember,
    Message,
    RelayState,
    Suppression,
    TerritoryTeam,
)
from tests import factories as f
from tests.factories import NOW

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)
REASON = "553 <festival@example.org>: sender refused"


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


@pytest.fixture
def territory():
    return f.TerritoryFactory(name="Toulouse", slug="toulouse")


@pytest.fixture
def organiser(client, territory):
    person = f.UserFactory(email="alix@example.org")
    TerritoryTeam.objects.create(territory=territory, user=person)
    client.force_login(person)
    return person


@pytest.fixture
def held_up(territory):
    Message.objects.create(
        kind="link",
        dedupe_key="a",
        recipient="camille@example.org",
        message_id="<a@example.org>",
        next_attempt_at=NOW - 20 * MINUTE,
        created_at=NOW - 20 * MINUTE,
        territory=territory,
    )
    RelayState.objects.create(
        pk=1,
        failures=3,
        reason=REASON,
        paused_until=NOW + MINUTE,
        stuck_since=NOW - 19 * MINUTE,
        alerted_at=NOW - 17 * MINUTE,
    )


def test_everybody_may_read_that_mail_flows(client):
    page = client.get("/etat/")

    assert page.status_code == 200
    assert "Les courriels partent" in page.content.decode()
    assert "no-store" in page["Cache-Control"]


def test_everybody_may_read_since_when_it_is_held_up_and_nothing_more(client, held_up):
    said = client.get("/etat/").content.decode()

    assert "Les courriels sont retenus" in said
    assert "aujourd’hui à\u00a09\u00a0h\u00a041" in said
    for secret in ("553", "example.org", "camille"):
        assert secret not in said


def test_the_page_speaks_english(client, held_up):
    said = client.get("/etat/", headers={"accept-language": "en"}).content.decode()

    assert "E-mails are held up" in said
    assert "today at\u00a009:41" in said


def test_an_organiser_reads_why_without_anybody_s_address(client, organiser, held_up):
    Heartbeat.objects.create(name="deliver_due", at=NOW - 10 * MINUTE)
    Heartbeat.objects.create(name="owe_reminders", at=NOW - MINUTE)
    DeliveryEvent.objects.create(
        provider="test",
        event_id="1",
        kind="bounced",
        message=Message.objects.get(),
        email_hash="0" * 64,
        at=NOW - MINUTE,
        received_at=NOW,
    )

    said = client.get("/organisation/toulouse/etat/").content.decode()

    assert "553 &lt;…&gt;: sender refused" in said
    assert "festival@example.org" not in said
    assert "camille@example.org" not in said
    assert said.count("En retard") == 1
    assert said.count("À l’heure") == 1
    assert "Bounced" not in said


def test_the_desk_of_the_organisers_shows_it_on_every_page_until_it_flows(client, organiser, held_up):
    pages = [
        reverse(f"events:organiser_{name}", args=["toulouse"]) for name in ("territory", "hosts", "team")
    ]
    during = [client.get(page).content.decode() for page in pages]
    RelayState.objects.update(failures=0, paused_until=None, stuck_since=None, last_sent_at=NOW)
    Message.objects.update(status="sent", sent_at=NOW)
    after = [client.get(page).content.decode() for page in pages]

    assert all("Aucun courriel ne part depuis" in said for said in during)
    assert not any("Aucun courriel ne part depuis" in said for said in after)


def test_the_back_office_shows_it(admin_client, held_up):
    assert "Aucun courriel ne part depuis" in admin_client.get("/admin/").content.decode()


def test_the_back_office_says_nothing_while_mail_flows(admin_client):
    assert "Aucun courriel ne part depuis" not in admin_client.get("/admin/").content.decode()


# What one receives ------------------------------------------------------------------------------------------


def test_boxes_are_ticked_until_one_is_left_and_taken_up_again(client, organiser):
    def ticked() -> list[str]:
        page = client.get("/bureau/courriels/")
        return [choice.scope for choice in page.context["choices"] if choice.is_wanted]

    first = ticked()
    client.post("/bureau/courriels/", {"kept": ["door_lists", "alerts"]})
    second = ticked()
    client.post("/bureau/courriels/", {"kept": ["door_lists", "alerts", "nags", "digests"]})

    assert first == ticked() == ["digests", "door_lists", "nags", "alerts"]
    assert second == ["door_lists", "alerts"]


def test_an_address_that_takes_no_mail_is_told_so_and_stays_on_the_list(client, organiser):
    from events.links import hash_of_address

    Suppression.objects.create(email_hash=hash_of_address("alix@example.org"), scope="all", reason="bounced")

    client.post("/bureau/courriels/", {"kept": ["digests"]})

    assert "Cette adresse ne reçoit plus de courriel" in client.get("/bureau/courriels/").content.decode()
    assert Suppression.objects.filter(scope="all").exists()


def test_the_link_in_the_mail_shows_first_and_acts_when_posted_to(client):
    person = f.UserFactory(email="sacha@example.org")
    HostMember.objects.create(host=f.HostFactory(), user=person)
    link = reverse("events:desk_mails_off", args=[desk_mails_token(person.pk, "nags")])

    shown = client.get(link)
    before = list(Suppression.objects.values_list("scope", flat=True))
    # as a mail program does it (RFC 8058): no cookie, no page read before
    done = client.post(link, {"List-Unsubscribe": "One-Click"})
    after = list(Suppression.objects.values_list("scope", flat=True))
    client.post(link, {"again": "1"})

    assert (shown.status_code, before) == (200, [])
    assert (done.status_code, after) == (200, ["nags"])
    assert list(Suppression.objects.all()) == []


@pytest.mark.parametrize("token", ["1.nags.x", "rien", "1.all.abc"])
def test_a_link_not_made_here_opens_nothing(client, token):
    assert client.post(reverse("events:desk_mails_off", args=[token])).status_code == 404
