"""Asked for by anybody, followed only once its owner has said yes; forgotten, exported, erased."""

from __future__ import annotations

import datetime as dt
import re
from types import SimpleNamespace

import pytest
from django.test import Client

from events.follows.asking import MOST_FOLLOWED, ask_to_follow, confirm_follow
from events.links import follows_off_token, follows_token
from events.mail.deliver import deliver_due
from events.mail.suppressions import Reason, Scope, is_stopped, stop
from events.models import Follow, Follower, KeptMail, Message
from events.registration.forgetting import erase_person, export_person, purge_expired
from tests import factories as f
from tests.factories import NOW

pytestmark = pytest.mark.django_db
HERE = "/suivre/?ville=toulouse"
EMAIL = "ada@example.org"
HOUR = dt.timedelta(hours=1)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


def ask(client: Client, email: str = EMAIL, here: str = HERE) -> int:
    return client.post(here, {"email": email, "page": "/villes/toulouse/"}).status_code


def test_from_the_field_to_the_list_and_out_again(client: Client, city: SimpleNamespace) -> None:
    page = client.get("/villes/toulouse/").content.decode()
    assert 'action="/suivre/?ville=toulouse"' in page
    assert "Un message quand les réservations ouvrent" in page

    answer = client.post(HERE, {"email": "Ada@example.org ", "page": "/villes/toulouse/"}, follow=True)
    assert "Encore un clic" in answer.content.decode()
    asked = Follow.objects.get(follower__email=EMAIL)
    assert (asked.confirmed_at, asked.page) == (None, "/villes/toulouse/")
    assert asked.words.startswith("Un message quand les réservations ouvrent")

    deliver_due(now=NOW)
    mail = KeptMail.objects.get()
    assert mail.subject == "Un clic pour suivre\u00a0: Toulouse"
    link = re.search(r"/suivre/oui/[\w.-]+/", mail.source)
    assert link
    assert "Oui, suivre" in client.get(link[0]).content.decode()
    asked.refresh_from_db()
    assert asked.confirmed_at is None, "a scanner follows links"
    assert "Vous suivez" in client.post(link[0]).content.decode()
    asked.refresh_from_db()
    assert asked.confirmed_at == NOW

    mine = f"/mes-suivis/{follows_token(asked.follower_id)}/"
    assert "Toulouse" in client.get(mine).content.decode()
    client.post(mine, {"follow": asked.pk})
    asked.refresh_from_db()
    assert asked.stopped_at == NOW
    assert "Suivre à nouveau" in client.get(mine).content.decode()
    client.post(mine, {"follow": asked.pk, "again": "1"})
    asked.refresh_from_db()
    assert asked.is_active


def test_one_click_ends_what_the_mail_was_owed_for_and_nothing_else(city: SimpleNamespace) -> None:
    other = f.FollowFactory(follower=city.camille, topic=f.topic_of(host=city.host))
    stranger = f.FollowFactory(topic=city.follow.topic)
    off = f"/suivre/stop/{follows_off_token(city.camille.pk, [city.follow.pk, stranger.pk])}/"
    client = Client(enforce_csrf_checks=True)

    assert client.get(off).status_code == 200
    assert Follow.objects.active().count() == 3
    assert client.post(off, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert set(Follow.objects.active()) == {other, stranger}
    client.post(off, {"again": "1"})
    assert Follow.objects.active().count() == 3
    assert client.post(off.replace("/stop/", "/stop/9")).status_code == 404


def test_the_answer_is_the_same_whether_the_address_is_known(client: Client, city: SimpleNamespace) -> None:
    known = client.post(HERE, {"email": "camille@example.org"})
    new = client.post(HERE, {"email": EMAIL})

    assert (known.status_code, known["Location"]) == (new.status_code, new["Location"])
    city.follow.refresh_from_db()
    assert city.follow.confirmed_at == NOW - HOUR
    deliver_due(now=NOW)
    subjects = dict(KeptMail.objects.values_list("recipient", "subject"))
    assert subjects["camille@example.org"] == "Vous suivez déjà\u00a0: Toulouse"


def test_nobody_can_be_buried_in_mail_by_asking(client: Client, city: SimpleNamespace) -> None:
    for number in range(30):
        host = f.HostFactory(territory=city.territory)
        ask_to_follow(
            topic=f.topic_of(host=host), email=f"ada+{number}@example.org", locale="fr", page="", now=NOW
        )
    deliver_due(now=NOW)
    assert KeptMail.objects.count() == 4
    for hours in range(1, 40):
        deliver_due(now=NOW + hours * HOUR)
    assert KeptMail.objects.count() <= 24

    for number in range(30, MOST_FOLLOWED + 5):
        host = f.HostFactory(territory=city.territory)
        ask_to_follow(
            topic=f.topic_of(host=host), email=f"ada+{number}@example.org", locale="fr", page="", now=NOW
        )
    assert Follow.objects.filter(follower__mailbox="ada@example.org").count() == MOST_FOLLOWED

    answers = {ask(client, f"v{number}@example.org") for number in range(25)}
    assert answers == {302, 429}


def test_what_is_typed_wrongly_is_answered_and_kept(client: Client, city: SimpleNamespace) -> None:
    answer = client.post(HERE, {"email": "camille"})
    assert answer.status_code == 422
    assert 'value="camille"' in answer.content.decode()
    assert not Message.objects.exists()
    for nowhere in (
        "?ville=nulle-part",
        "?hote=x",
        "?thematique=x",
        "?visite=x",
        "?ville=toulouse&thematique=x",
    ):
        assert client.get(f"/suivre/{nowhere}").status_code == 404
    assert client.get("/suivre/").status_code == 302
    for bad in ("/suivre/oui/x/", "/mes-suivis/x/", "/suivre/oui/1.2.3/"):
        assert client.get(bad).status_code == 404


def test_a_theme_in_a_city_a_host_and_a_visit_can_be_followed(client: Client, city: SimpleNamespace) -> None:
    asked = {
        "?thematique=robotics": "theme:robotics",
        "?ville=toulouse&thematique=robotics": f"theme:robotics:{city.territory.pk}",
        "?hote=robots": f"host:{city.host.pk}",
        f"?visite={city.activity.slug}": f"activity:{city.activity.pk}",
    }
    for query in asked:
        assert ask(client, here=f"/suivre/{query}") == 302
    keys = Follow.objects.filter(follower__email=EMAIL).order_by("pk").values_list("topic__key", flat=True)
    assert list(keys) == list(asked.values())
    for path in (
        f"/hotes/{city.host.slug}/",
        f"/activites/{city.activity.slug}/",
        "/programme/?ville=toulouse",
    ):
        assert 'action="/suivre/?' in client.get(path).content.decode(), path


def test_a_yes_takes_back_what_the_reader_had_stopped(city: SimpleNamespace) -> None:
    stop(EMAIL, Scope.FOLLOWS, Reason.COMPLAINED, now=NOW)
    ask_to_follow(topic=city.follow.topic, email=EMAIL, locale="fr", page="", now=NOW)
    assert is_stopped(EMAIL, Scope.FOLLOWS, now=NOW)
    confirm_follow(follow_id=Follow.objects.get(follower__email=EMAIL).pk, locale="en", now=NOW)
    assert not is_stopped(EMAIL, Scope.FOLLOWS, now=NOW)
    assert Follower.objects.get(email=EMAIL).locale == "en"


def test_what_nobody_confirmed_is_forgotten_after_two_days_and_what_was_stopped_after_thirty(
    city: SimpleNamespace,
) -> None:
    ask_to_follow(topic=city.follow.topic, email=EMAIL, locale="fr", page="", now=NOW)
    stopped = f.FollowFactory(topic=f.topic_of(host=city.host), stopped_at=NOW)

    assert purge_expired(now=NOW + 47 * HOUR)["follows"] == 0
    assert purge_expired(now=NOW + 49 * HOUR)["follows"] == 1
    assert not Follower.objects.filter(email=EMAIL).exists()
    assert purge_expired(now=NOW + dt.timedelta(days=31))["follows"] == 1
    assert not Follow.objects.filter(pk=stopped.pk).exists()
    assert Follow.objects.active().count() == 1


def test_an_address_is_exported_with_its_consent_and_erased(city: SimpleNamespace) -> None:
    [said] = export_person(email="Camille@example.org")["follows"]
    assert (said["what"], said["page"]) == ("Toulouse", "/villes/toulouse/")
    assert said["words"]
    assert said["confirmed_at"] == NOW - HOUR

    assert erase_person(email="camille@example.org", now=NOW)["follows"] == 1
    assert not Follower.objects.exists()


def test_the_desk_says_how_many_follow(client: Client, city: SimpleNamespace) -> None:
    for _more in range(2):
        f.FollowFactory(topic=city.follow.topic)
    f.FollowFactory(topic=city.follow.topic, confirmed_at=None)
    client.force_login(f.UserFactory(is_superuser=True))
    page = client.get("/organisation/toulouse/").content.decode()
    assert "Suivent Toulouse</dt><dd>3 <small>personnes" in page
