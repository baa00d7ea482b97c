"""What is known of 2014, and nothing else."""

import datetime as dt

import pytest

from events.data import facts, sources, sources_of
from events.exchange.archive import load_archive
from events.models import ArchiveEntry, Slot

pytestmark = pytest.mark.django_db


def test_only_the_events_of_2014_are_in_it_each_with_its_sources():
    festival = load_archive()

    assert (festival.name, festival.state, festival.is_demo) == (
        "Festival French Tech 2014",
        "archived",
        False,
    )
    assert (festival.starts_on, festival.ends_on) == (dt.date(2014, 6, 4), dt.date(2014, 6, 28))
    assert sorted(festival.archive.values_list("external_id", flat=True)) == [
        f"fes-{number:03d}" for number in range(1, 17)
    ]
    assert all(entry.sources for entry in festival.archive.all())
    assert Slot.objects.count() == 0


def test_a_day_nobody_knows_is_told_in_words_and_not_invented():
    load_archive()

    unknown = ArchiveEntry.objects.filter(starts_on=None)
    assert {entry.external_id: entry.when_text for entry in unknown} == {
        "fes-012": "entre le 12 et le 14 juin 2014",
        "fes-014": "en juin 2014, jour inconnu",
        "fes-016": "fin juin 2014",
    }


def test_what_sources_disagree_about_is_said():
    festival = load_archive()

    assert festival.archive.get(external_id="fes-006").note == (
        "Le 5 juin selon La Tribune, le 6 juin selon Le Monde Informatique."
    )
    assert "28 juin (Newzilla, Softonic) ou le 27" in festival.about_fr


def test_operations_hold_their_events():
    festival = load_archive()

    assert {
        programme.name: sorted(programme.archive.values_list("external_id", flat=True))
        for programme in festival.programmes.all()
    } == {
        "Start-up Assembly 2014": ["fes-011", "fes-012"],
        "Web2Day": ["fes-002", "fes-003"],
        "Futur en Seine": ["fes-009", "fes-010"],
        "Festival de la French Tech à Montpellier": ["fes-006", "fes-007", "fes-013", "fes-015"],
    }


def test_loading_it_twice_is_loading_it_once():
    load_archive()
    before = list(ArchiveEntry.objects.order_by("pk").values())

    load_archive()

    assert list(ArchiveEntry.objects.order_by("pk").values()) == before


def test_every_source_a_fact_names_is_described():
    kinds = ("editions", "festival_events", "open_door_participants", "delegation_visits", "venues", "hosts")
    for kind in (*kinds, "community_events"):
        for fact in facts()[kind]:
            assert all(source.title for source in sources_of(fact))
    assert sources()["olr"].as_json()["url"].startswith("https://objectif-languedoc-roussillon.latribune.fr/")
