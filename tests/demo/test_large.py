"""The national demonstration: its size, and that everything still holds."""

import datetime as dt

import pytest

from events.demo.large import NATIONAL, build_national
from events.demo.progress import Progress
from events.models import Commune, Host, Registration, RoomOccupancy, Slot, Territory
from events.registration.invariants import find_drift

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.slow, pytest.mark.lengthy]

NOW = dt.datetime(2026, 11, 22, 9, 0, tzinfo=dt.UTC)


def test_a_national_edition_has_fifty_cities_and_everything_holds():
    edition = build_national(today=NOW.date(), now=NOW, seed=2027, progress=Progress(None, quiet=True))

    assert edition.festival.territories.count() == Territory.objects.count() == 50
    assert Host.objects.count() == NATIONAL.hosts == 1000
    assert Slot.objects.count() == NATIONAL.slots == 5000
    assert 36_000 <= Registration.objects.count() <= 44_000
    assert RoomOccupancy.objects.count() > 4900
    assert find_drift(now=NOW) == []
    codes = list(Commune.objects.exclude(insee_code="").values_list("insee_code", flat=True))
    assert len(set(codes)) == len(codes)
