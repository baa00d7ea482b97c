"""The evening before: who comes."""

from __future__ import annotations

import datetime as dt

import pytest

from events.digests import owe_digests
from events.mail.deliver import deliver_due
from events.models import HostMember, Message, Pool
from tests import factories as f
from tests.mail.conftest import kept

from .conftest import paris

NB = "\u00a0"
EVENING = paris(9, 18, 2, month=6)


def lists() -> list[str]:
    return list(Message.objects.filter(kind="door_list").order_by("pk").values_list("recipient", flat=True))


EVERYBODY = ["camille@example.org", "sacha@example.org", "dominique@example.org"]


@pytest.mark.parametrize(("hour", "minute", "told"), [(18, 1, False), (18, 2, True), (21, 0, True)])
def test_it_is_owed_from_six_in_the_evening_on(desk, hour, minute, told):
    owe_digests(paris(9, hour, minute, month=6))

    assert lists() == (EVERYBODY if told else [])


def test_not_two_days_before_and_not_on_the_day(desk):
    owe_digests(paris(8, 18, 2, month=6))
    owe_digests(paris(10, 9, 0, month=6))

    assert lists() == []


def test_sweeps_through_the_evening_owe_it_once(desk):
    for minutes in range(0, 240, 7):
        owe_digests(EVENING + dt.timedelta(minutes=minutes))

    assert lists() == EVERYBODY


def test_what_is_published_in_the_evening_earns_its_list_and_at_night_in_the_morning(desk):
    owe_digests(EVENING)
    for hour, name in ((19, "evening"), (23, "night")):
        host = f.HostFactory(territory=desk.territory)
        HostMember.objects.create(host=host, user=f.UserFactory(email=f"{name}@example.org"))
        f.SlotFactory(activity=f.ActivityFactory(host=host, festival=desk.festival), start_time=dt.time(15))
        owe_digests(paris(9, hour, 30, month=6))

    assert lists() == [*EVERYBODY, "evening@example.org", "night@example.org"]
    times = dict(Message.objects.values_list("recipient", "next_attempt_at"))
    assert times["evening@example.org"] == paris(9, 19, 30, month=6)
    assert times["night@example.org"] == paris(10, 8, 0, month=6)


def test_where_the_night_begins_before_six_it_leaves_shortly_before(desk):
    desk.festival.quiet_from = dt.time(17)
    desk.festival.save()

    owe_digests(paris(9, 16, 46, month=6))
    before = lists()
    owe_digests(paris(9, 16, 47, month=6))

    assert (before, lists()) == ([], EVERYBODY)


def test_drop_in_needs_no_list(desk):
    desk.activity.mode = "drop_in"
    desk.activity.save()

    owe_digests(EVENING)

    assert lists() == []


@pytest.mark.parametrize("asks", [True, False])
def test_names_stand_in_it_only_where_the_host_asks_for_them_and_never_for_the_team(desk, asks):
    f.RegistrationFactory(slot=desk.slot, name="Élodie Blanc", party_size=3, reference="RJ4K-7KDM")
    desk.activity.ask_name = asks
    desk.activity.save()
    owe_digests(EVENING)

    deliver_due(now=EVENING)

    french, _english, team = kept()
    text = french.get_body(("plain",)).get_content()
    assert ("Élodie Blanc, 3 places, RJ4K-7KDM" in text) is asks
    assert ("trente jours" in text) is asks
    assert "Élodie" not in team.as_string()
    assert "RJ4K" not in team.as_string()


def test_a_name_that_is_an_address_leads_nowhere(desk):
    """Gmail and others make a link of whatever looks like a domain; whoever books types the name."""
    f.RegistrationFactory(slot=desk.slot, name="J.-P. gagnez.example/or@mauvais.example", party_size=1)
    desk.activity.ask_name = True
    desk.activity.save()
    owe_digests(EVENING)

    deliver_due(now=EVENING)

    mail = kept()[0]
    for part in ("plain", "html"):
        said = mail.get_body((part,)).get_content()
        assert "J.-P. gagnez. example/ or@ mauvais. example" in said


def test_it_says_how_many_come_who_said_so_what_is_kept_and_where_to_print(desk, settings):
    Pool.objects.create(slot=desk.slot, kind="access", places=4, taken=2)
    f.RegistrationFactory(slot=desk.slot, party_size=2, pool="access")
    f.RegistrationFactory(slot=desk.slot, party_size=3, coming_at=paris(8, 9, month=6))
    desk.slot.taken, desk.slot.reserved = 5, 2
    desk.slot.save()
    owe_digests(EVENING)

    deliver_due(now=EVENING)

    mail = kept()[0]
    text = mail.get_body(("plain",)).get_content()
    assert mail["Subject"] == f"Les Robots du Canal, jeudi{NB}10{NB}juin{NB}: qui vient"
    for said in (
        "5 places prises sur 15",
        "3 places confirmées depuis le rappel",
        "2 places réservées pour des besoins d’accès et leurs accompagnants",
        "Accès adapté et personne qui accompagne",
        f"{settings.SITE_URL}/hote/robots/qui-vient/{desk.slot.pk}/emargement/",
    ):
        assert said in text, text
    assert kept()[2]["Subject"] == f"Toulouse, jeudi{NB}10{NB}juin{NB}: une porte s’ouvre"


def test_nobody_registered_is_said_too(desk):
    owe_digests(EVENING)
    deliver_due(now=EVENING)

    assert "personne n’est inscrit" in kept()[0].get_body(("plain",)).get_content()


def test_a_list_whose_visits_were_moved_to_another_day_is_not_sent(desk):
    owe_digests(EVENING)
    desk.slot.set_time(day=dt.date(2027, 6, 11), start_time=dt.time(14), duration=45, timezone="Europe/Paris")
    desk.slot.save()

    deliver_due(now=EVENING)

    assert set(Message.objects.values_list("status", flat=True)) == {"cancelled"}


def test_a_list_that_could_not_leave_before_the_last_visit_begins_is_too_late(desk):
    owe_digests(EVENING)

    deliver_due(now=desk.slot.starts_at)

    assert set(Message.objects.values_list("status", flat=True)) == {"expired"}
