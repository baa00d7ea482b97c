"""An agenda that a territory follows: read from a real server, by the rules of a file."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from importlib import import_module
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.test import Client

from events import jobs
from events.exchange import agenda_fetch, agendas
from events.models import Activity, AgendaRun, AgendaSource, Commune, Festival, Heartbeat, Slot, SpecialDays
from events.outside import Unreachable
from tests.factories import (
    NOW,
    ActivityFactory,
    RegistrationFactory,
    RoomFactory,
    SlotFactory,
    TerritoryFactory,
    VenueFactory,
)
from tests.ground.agenda import AgendaServer, event

pytestmark = pytest.mark.django_db
DESK = "/organisation/toulouse/echanges/"
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def server(settings: Any) -> Iterator[AgendaServer]:
    settings.AGENDA_ALLOW_PRIVATE = True
    made = AgendaServer()
    yield made
    made.stop()


@pytest.fixture
def source(place: SimpleNamespace, server: AgendaServer) -> AgendaSource:
    return agendas.add_source(territory=place.territory, url=server.url, by=place.organiser, now=NOW)


def look(source: AgendaSource, now: dt.datetime = NOW) -> AgendaRun:
    run = agendas.look_at(source_id=source.pk, now=now)
    assert run is not None
    source.refresh_from_db()
    return run


def slots(uid: str) -> int:
    return Slot.objects.filter(activity__external_id=uid).count()


def said(run: AgendaRun) -> tuple[Any, ...]:
    """Outcome, visits new, changed, as before; slots gone; events refused."""
    return (run.outcome, run.created, run.updated, run.unchanged, run.gone, run.refused)


# What comes in ---------------------------------------------------------------------------------------------


def test_the_sweep_reads_what_is_due_and_no_sooner_again(source: AgendaSource, server: AgendaServer) -> None:
    server.events = [event("a", 2), event("b")]

    assert jobs.follow_agendas(NOW) == 1
    assert jobs.follow_agendas(NOW + dt.timedelta(minutes=59)) == 0
    assert jobs.follow_agendas(NOW + HOUR) == 1

    assert (slots("a"), slots("b"), len(server.asked)) == (2, 1, 2)
    first, second = source.runs.order_by("pk")
    assert said(first) == ("imported", 2, 0, 0, 0, 0)
    assert said(second) == ("same", 0, 0, 0, 0, 0)
    assert Heartbeat.objects.filter(name="follow_agendas").exists()


def test_where_the_setting_is_zero_nothing_is_asked(
    source: AgendaSource, server: AgendaServer, settings: Any, desk: Client
) -> None:
    settings.AGENDA_EVERY_MINUTES = 0

    assert jobs.follow_agendas(NOW) == 0
    assert server.asked == []
    assert "Ce site ne lit aucun agenda de lui-même" in desk.get(DESK).content.decode()


def test_who_reads_a_visit_learns_the_server_it_came_from_and_not_the_key_in_its_address(
    place: SimpleNamespace, server: AgendaServer, client: Client
) -> None:
    url = f"{server.url}?key=0123456789abcdef"
    server.events = [event("a")]
    look(agendas.add_source(territory=place.territory, url=url, by=place.organiser, now=NOW))
    visit = Activity.objects.get(external_id="a")

    page = client.get(visit.get_absolute_url()).content.decode()

    assert visit.source == url
    assert "Source : 127.0.0.1</p>" in page.replace("\u00a0", " ")
    assert "0123456789abcdef" not in page


def test_an_unchanged_agenda_is_asked_for_by_its_etag(source: AgendaSource, server: AgendaServer) -> None:
    server.events = [event("a")]
    look(source)

    assert said(look(source, NOW + HOUR))[0] == "same"
    assert said(look(source, NOW + 2 * HOUR))[0] == "same"

    etags = [headers.get("if-none-match") for _path, headers in server.asked]
    assert (etags[0], etags[1], etags[2]) == (None, source.etag, source.etag)
    last = source.runs.get(outcome="same")
    assert (last.times, last.at, last.last_at) == (2, NOW + HOUR, NOW + 2 * HOUR)


def test_pages_are_gone_through_to_the_last(source: AgendaSource, server: AgendaServer) -> None:
    server.events, server.size = [event(str(number)) for number in range(5)], 2

    run = look(source)

    assert said(run) == ("imported", 5, 0, 0, 0, 0)
    assert [path.partition("after")[2] for path, _headers in server.asked] == ["", "%5B%5D=2", "%5B%5D=4"]
    assert source.etag == ""


def test_our_own_feed_can_be_followed(
    source: AgendaSource, server: AgendaServer, desk: Client, place: SimpleNamespace
) -> None:
    server.events = [event("a", 2)]
    look(source)
    out = desk.get(f"{DESK}programme.json")
    server.body = b"".join(out.streaming_content)  # type: ignore[attr-defined]
    known = [entry["extIds"][0]["value"] for entry in json.loads(server.body)["events"]]

    run = look(source, NOW + HOUR)

    assert "a" in known
    assert said(run)[:2] == ("same", 0)
    assert slots("a") == 2


def test_a_slot_and_an_event_that_are_no_longer_named_go(source: AgendaSource, server: AgendaServer) -> None:
    server.events = [event("a", 8), event("b")]
    look(source)

    server.events = [event("a", 7)]
    run = look(source, NOW + HOUR)

    assert said(run) == ("imported", 0, 2, 0, 2, 0)
    assert (slots("a"), slots("b")) == (7, 0)
    assert Activity.objects.filter(external_id="b").exists()


def test_an_event_with_people_registered_keeps_its_slot_and_says_so(
    source: AgendaSource, server: AgendaServer
) -> None:
    server.events = [event("a"), event("b")]
    look(source)
    RegistrationFactory(slot=Slot.objects.get(activity__external_id="b"))

    server.events = [event("a")]
    run = look(source, NOW + HOUR)

    assert slots("b") == 1
    assert [note["fault"] for note in run.notes] == ["event_kept"]


def test_what_another_agenda_still_names_stays(
    source: AgendaSource, server: AgendaServer, place: SimpleNamespace
) -> None:
    server.events = [event("a"), event("b")]
    look(source)
    other = agendas.add_source(
        territory=place.territory, url=f"{server.url}&other=1", by=place.organiser, now=NOW
    )
    look(other)

    server.events = [event("a")]
    look(source, NOW + HOUR)

    assert slots("b") == 1


# What is refused -------------------------------------------------------------------------------------------


def test_an_event_that_is_refused_is_left_out_and_told_and_the_rest_comes_in(
    source: AgendaSource, server: AgendaServer
) -> None:
    Commune.objects.create(territory=TerritoryFactory(name="Lyon", slug="lyon"), name="Lyon")
    server.events = [event("a"), event("b", city="Lyon"), {"uid": "c"}]

    run = look(source)

    assert said(run) == ("imported", 1, 0, 0, 0, 2)
    assert [(one["line"], one["fault"]) for one in run.problems] == [
        (3, "field_missing"),
        (2, "other_territory"),
    ]
    assert (source.etag, source.digest) == ("", "")  # read anew each time: the team may put it right


def test_what_is_wrong_with_an_event_is_said_in_the_language_of_who_reads_it(
    source: AgendaSource, server: AgendaServer, desk: Client
) -> None:
    server.events = [event("a"), {"uid": "c"}]
    look(source)

    assert "Événement\u00a02\u00a0: «\u00a0title\u00a0» manque." in desk.get(DESK).content.decode()
    english = desk.get(f"{DESK}?hl=en").content.decode()
    assert "Event 2: “title” is missing." in english
    assert "Événement" not in english


def test_a_rule_that_refuses_a_change_is_told_in_the_readers_language_too(
    source: AgendaSource, server: AgendaServer, desk: Client, place: SimpleNamespace
) -> None:
    """The worker that finds it knows no reader."""
    server.events = [event("a")]
    look(source)
    venue = VenueFactory(territory=place.territory)
    SpecialDays.objects.create(
        venue=venue, first_day=dt.date(2027, 6, 2), last_day=dt.date(2027, 6, 2), reason="Inventaire"
    )
    room = RoomFactory(venue=venue, name="Grande salle")
    Slot.objects.update(room=room, venue=venue)
    server.events = [event("a") | {"timings": event("a", 2)["timings"][1:]}]

    run = look(source, NOW + HOUR)

    assert [one["fault"] for one in run.problems] == ["found"]
    assert "Grande salle is closed on" in desk.get(f"{DESK}?hl=en").content.decode()
    assert "Grande salle\u00a0: fermé le" in desk.get(f"{DESK}?hl=fr").content.decode()


def test_what_was_written_down_in_french_before_stays_readable(
    source: AgendaSource, server: AgendaServer, desk: Client
) -> None:
    server.events = [event("a")]
    run = look(source)
    run.problems = ["Événement 4 : le titre manque."]
    run.save()
    migration = import_module("events.migrations.0025_what_was_read_is_kept_by_code")

    migration.keep_what_was_written(apps, None)
    migration.keep_what_was_written(apps, None)

    assert "<li>Événement 4 : le titre manque.</li>" in desk.get(DESK).content.decode()


def test_with_an_event_that_cannot_be_read_nobody_knows_what_is_missing(
    source: AgendaSource, server: AgendaServer
) -> None:
    server.events = [event("a"), event("b")]
    look(source)

    server.events = [event("a"), {"uid": ["b"]}]
    look(source, NOW + HOUR)
    assert slots("b") == 1

    server.events = [event("a")]
    look(source, NOW + 2 * HOUR)
    assert slots("b") == 0


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"<html>", "refused"),
        (b'{"events": []}', "refused"),
        (b"[1, 2]", "refused"),
        (b"[" * 5000, "refused"),
    ],
    ids=["no json", "empty", "no events", "deep"],
)
def test_an_answer_that_is_no_agenda_takes_nothing_away(
    source: AgendaSource, server: AgendaServer, body: bytes, outcome: str
) -> None:
    server.events = [event("a")]
    look(source)

    server.body = body
    run = look(source, NOW + HOUR)

    assert (run.outcome, bool(run.problems), slots("a")) == (outcome, True, 1)


def test_a_visit_of_another_territory_is_never_written(
    source: AgendaSource, server: AgendaServer, place: SimpleNamespace
) -> None:
    other = TerritoryFactory(name="Lyon", slug="lyon")
    theirs = ActivityFactory(festival=place.festival, external_id="x", host__territory=other, title_fr="Leur")
    SlotFactory(activity=theirs)
    server.events = [event("a"), event("x", title="Autre")]

    run = look(source)

    assert run.refused == 1
    assert Activity.objects.get(external_id="x").title_fr == "Leur"


# Too much --------------------------------------------------------------------------------------------------


def test_what_would_take_too_much_away_waits_for_a_yes(
    source: AgendaSource, server: AgendaServer, desk: Client
) -> None:
    server.events = [event("a", 25)]
    look(source)
    server.events = [event("a", 2, title="Neuf")]

    assert said(look(source, NOW + HOUR)) == ("held", 0, 0, 0, 23, 0)
    assert said(look(source, NOW + 2 * HOUR))[0] == "held"
    assert (slots("a"), source.held_at) == (25, NOW + HOUR)
    assert Activity.objects.get(external_id="a").title_fr == "Visite"
    assert "Oui, retirer 23 créneaux" in desk.get(DESK).content.decode()
    assert "Agendas qui retireraient beaucoup" in desk.get("/organisation/toulouse/").content.decode()

    desk.post(f"{DESK}agendas/{source.pk}/accord/", {"gone": "23"})
    assert said(look(source, NOW + 3 * HOUR))[0] == "held"
    desk.post(f"{DESK}agendas/{source.pk}/accord/", {"gone": "24", "allow_deletions": "on"})
    assert said(look(source, NOW + 4 * HOUR))[0] == "held"

    desk.post(f"{DESK}agendas/{source.pk}/accord/", {"gone": "23", "allow_deletions": "on"})
    assert said(look(source, NOW + 5 * HOUR)) == ("imported", 0, 1, 0, 23, 0)
    assert (slots("a"), source.held_at, source.allowed_gone) == (2, None, 0)


def test_a_yes_is_to_so_many_and_no_more(source: AgendaSource, server: AgendaServer, desk: Client) -> None:
    server.events = [event("a", 28)]
    look(source)
    server.events = [event("a", 5)]
    look(source, NOW + HOUR)
    desk.post(f"{DESK}agendas/{source.pk}/accord/", {"gone": "23", "allow_deletions": "on"})

    server.events = [event("a", 1)]

    assert said(look(source, NOW + 2 * HOUR)) == ("held", 0, 0, 0, 27, 0)
    assert (slots("a"), source.held_gone, source.allowed_gone) == (28, 27, 0)
    assert source.held_at == NOW + 2 * HOUR  # who said yes is told anew


def test_an_agenda_cut_in_half_between_two_pages_takes_nothing_away(
    source: AgendaSource, server: AgendaServer
) -> None:
    server.events, server.size = [event(str(number)) for number in range(4)], 2
    look(source)

    server.drop_after = len(server.asked) + 1
    run = look(source, NOW + HOUR)

    assert (run.outcome, Slot.objects.exclude(external_id="").count()) == ("failed", 4)


def test_a_page_of_a_larger_agenda_takes_no_event_away(source: AgendaSource, server: AgendaServer) -> None:
    server.events = [event("a"), event("b")]
    look(source)

    server.body = json.dumps({"total": 2, "events": [event("a")]}).encode()
    look(source, NOW + HOUR)
    assert slots("b") == 1

    server.body = json.dumps({"total": 1, "events": [event("a")]}).encode()
    look(source, NOW + 2 * HOUR)
    assert slots("b") == 0


def test_what_is_held_is_let_go_when_the_agenda_is_whole_again(
    source: AgendaSource, server: AgendaServer
) -> None:
    server.events = [event("a", 25)]
    look(source)
    server.events = [event("a", 2)]
    look(source, NOW + HOUR)

    server.events = [event("a", 25)]
    look(source, NOW + 2 * HOUR)

    assert (source.held_at, slots("a")) == (None, 25)


# When it does not answer -----------------------------------------------------------------------------------


def test_while_the_agenda_is_down_the_last_state_stands_and_the_page_says_since_when(
    source: AgendaSource, server: AgendaServer, desk: Client
) -> None:
    server.events = [event("a")]
    look(source)
    server.status = 503

    look(source, NOW + HOUR)
    run = look(source, NOW + 2 * HOUR)

    assert (run.outcome, run.why, run.times) == ("failed", "HTTP 503", 2)
    assert (source.failing_since, slots("a")) == (NOW + HOUR, 1)
    page = desk.get(DESK).content.decode()
    assert "Sans réponse depuis" in page
    assert "HTTP 503" in page

    server.status = 200
    look(source, NOW + 3 * HOUR)
    assert source.failing_since is None


def test_an_agenda_of_which_nothing_can_be_taken_fails_like_one_that_is_down(
    source: AgendaSource, server: AgendaServer, desk: Client
) -> None:
    server.body = b"<html>"

    look(source)
    look(source, NOW + HOUR)

    assert source.failing_since == NOW
    assert "Rien n’a pu être repris depuis" in desk.get(DESK).content.decode()

    server.body, server.events = None, [event("a")]
    look(source, NOW + 2 * HOUR)
    assert source.failing_since is None


def test_a_server_that_drips_is_cut_short(
    source: AgendaSource, server: AgendaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agenda_fetch, "LONGEST", 0.5)
    server.drip = 0.02

    assert look(source).why == "no answer in time"


def test_an_answer_that_is_too_long_is_not_read_to_its_end(
    source: AgendaSource, server: AgendaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agenda_fetch, "MOST_READ", 1000)
    server.events, server.size = [event(str(number)) for number in range(6)], 1

    assert look(source).why == "the answer is too long"
    assert not Activity.objects.exclude(external_id="").exists()


def test_pages_without_an_end_are_given_up(
    source: AgendaSource, server: AgendaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agenda_fetch, "MOST_PAGES", 3)
    server.body = json.dumps({"events": [event("a")], "after": [1]}).encode()

    assert (look(source).why, len(server.asked)) == ("too many pages", 3)


def test_an_address_that_leads_on_and_on_is_given_up(source: AgendaSource, server: AgendaServer) -> None:
    server.move = "/on"

    assert (look(source).why, len(server.asked)) == ("too many redirects", 4)


def test_a_redirect_is_followed(source: AgendaSource, server: AgendaServer) -> None:
    server.events, server.move = [event("a")], "/moved.json"

    assert said(look(source))[0] == "imported"


# Where it may not go ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["https://127.0.0.1/a", "https://localhost/a", "https://[::1]/a"])
def test_a_private_network_is_not_called(settings: Any, address: str) -> None:
    settings.AGENDA_ALLOW_PRIVATE = False
    with pytest.raises(Unreachable, match="private network"):
        agenda_fetch.fetch_agenda(address)


def test_without_https_nothing_is_asked(server: AgendaServer, settings: Any) -> None:
    settings.AGENDA_ALLOW_PRIVATE = False
    with pytest.raises(Unreachable, match="https only"):
        agenda_fetch.fetch_agenda(server.url)
    assert server.asked == []


@pytest.mark.parametrize("there", ["file:///etc/passwd", "gopher://127.0.0.1/x", "ftp://127.0.0.1/x", "//"])
def test_a_redirect_or_a_next_page_leads_to_no_other_kind_of_address(
    server: AgendaServer, there: str
) -> None:
    server.move = there
    with pytest.raises(Unreachable):
        agenda_fetch.fetch_agenda(server.url)
    server.move, server.body = "", json.dumps({"events": [event("a")], "next": there}).encode()
    with pytest.raises(Unreachable):
        agenda_fetch.fetch_agenda(server.url)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://agenda.example/a", "doit commencer par https://"),
        ("https://moi:secret@agenda.example/a", "mot de passe"),
        ("https://agenda.example:0/a", "ne peut pas être appelée"),
        ("", "obligatoire"),
    ],
)
def test_an_address_that_cannot_be_followed_is_told_at_the_field(
    desk: Client, address: str, why: str
) -> None:
    answer = desk.post(f"{DESK}agendas/", {"url": address})

    assert (answer.status_code, AgendaSource.objects.count()) == (422, 0)
    assert why in answer.content.decode()


# The team's page -------------------------------------------------------------------------------------------


def test_a_team_follows_pauses_resumes_and_removes_and_what_came_stays(
    desk: Client, server: AgendaServer
) -> None:
    server.events = [event("a")]
    desk.post(f"{DESK}agendas/", {"url": server.url})
    desk.post(f"{DESK}agendas/", {"url": server.url})
    source = AgendaSource.objects.get()
    jobs.follow_agendas(NOW)
    assert "nouvelles 1" in desk.get(DESK).content.decode()

    desk.post(f"{DESK}agendas/{source.pk}/pause/")
    assert jobs.follow_agendas(NOW + 2 * HOUR) == 0
    assert agendas.look_at(source_id=source.pk, now=NOW + 2 * HOUR) is None
    desk.post(f"{DESK}agendas/{source.pk}/pause/", {"resume": "1"})
    assert jobs.follow_agendas(NOW) == 1
    desk.post(f"{DESK}agendas/{source.pk}/lire/")
    assert jobs.follow_agendas(NOW) == 1

    desk.post(f"{DESK}agendas/{source.pk}/retirer/")
    assert (AgendaSource.objects.count(), slots("a")) == (0, 1)


def test_a_territory_follows_ten_agendas_at_most(desk: Client, place: SimpleNamespace) -> None:
    for number in range(10):
        desk.post(f"{DESK}agendas/", {"url": f"https://agenda.example/{number}"})

    answer = desk.post(f"{DESK}agendas/", {"url": "https://agenda.example/eleventh"})

    assert (answer.status_code, place.territory.agenda_sources.count()) == (422, 10)
    assert "suit au plus 10 agendas" in answer.content.decode()


def test_paused_while_it_is_read_nothing_is_taken_in(
    source: AgendaSource, server: AgendaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.events = [event("a")]
    fetch = agendas.fetch_agenda

    def slow(*args: Any, **kwargs: Any) -> Any:
        found = fetch(*args, **kwargs)
        agendas.pause_source(source_id=source.pk)
        return found

    monkeypatch.setattr(agendas, "fetch_agenda", slow)

    assert agendas.look_at(source_id=source.pk, now=NOW) is None
    assert (slots("a"), source.runs.count()) == (0, 0)


def test_one_reads_at_a_time_and_a_dead_one_is_followed_after_its_lease(source: AgendaSource) -> None:
    AgendaSource.objects.update(lease_until=NOW + agendas.LEASE)

    assert agendas.look_at(source_id=source.pk, now=NOW) is None
    assert agendas.look_at(source_id=source.pk, now=NOW + agendas.LEASE) is not None


def test_a_new_edition_is_read_anew(
    source: AgendaSource, server: AgendaServer, place: SimpleNamespace
) -> None:
    server.events = [event("a")]
    look(source)
    Festival.objects.filter(pk=place.festival.pk).update(state="archived")
    assert look(source, NOW + HOUR).why == "no edition is under way"

    nxt = Festival.objects.create(
        name="2028", slug="f-2028", starts_on=place.festival.starts_on, ends_on=place.festival.ends_on
    )
    nxt.territories.add(place.territory)

    assert said(look(source, NOW + 2 * HOUR))[:2] == ("imported", 1)
    assert sorted(Activity.objects.filter(external_id="a").values_list("festival__name", flat=True)) == [
        "2028",
        "Festival 2027",
    ]


# The command -----------------------------------------------------------------------------------------------


def test_the_command_reads_and_says_what_each_came_to(source: AgendaSource, server: AgendaServer) -> None:
    server.events, out = [event("a", 2)], StringIO()

    call_command("follow_agendas", "--territory", "toulouse", stdout=out)
    assert "Taken in: 1 new, 0 changed, 0 as before; slots: 2 new, 0 changed, 0 gone" in out.getvalue()

    server.status = 404
    with pytest.raises(CommandError, match="1 could not be read"):
        call_command("follow_agendas", stdout=out)
    assert "No answer: HTTP 404" in out.getvalue()
