"""A slot read by one written-out statement is the slot the ORM would have read."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from events.limits import note_storm
from events.models import Activity, Festival, Slot
from events.views.whole_slot import own_row
from tests.factories import NOW, SlotFactory

pytestmark = pytest.mark.django_db


def test_its_row_is_the_orms_and_knows_of_a_storm() -> None:
    slot = SlotFactory(capacity=7, taken=3, opens_at=NOW)
    before = own_row(slot.pk, now=NOW)
    for _sign in range(3):
        note_storm(now=NOW)

    row = own_row(slot.pk, now=NOW)

    assert row is not None
    assert before is not None
    kept: Any = Slot.objects.get(pk=slot.pk)
    fields = [field.attname for field in Slot._meta.concrete_fields]
    assert [getattr(row, name) for name in fields] == [getattr(kept, name) for name in fields]
    assert (before.storm, row.storm) == (None, 3)  # type: ignore[attr-defined]
    assert own_row(slot.pk, now=NOW + dt.timedelta(hours=1)).storm is None  # type: ignore[union-attr]


def test_it_is_there_for_whom_the_public_may_see_and_for_nobody_else() -> None:
    slot = SlotFactory()
    seen = {}
    for model, pk in ((Slot, slot.pk), (Activity, slot.activity_id), (Festival, slot.activity.festival_id)):
        rows: Any = model._default_manager.filter(pk=pk)
        (state,) = rows.values_list("state", flat=True)
        for other in model.State.values:  # type: ignore[attr-defined]
            cancelled = {"cancelled_at": NOW} if model is Slot and other == "cancelled" else {}
            rows.update(state=other, **cancelled)
            seen[model.__name__, other] = (
                own_row(slot.pk, now=NOW) is not None,
                Slot.objects.visible().filter(pk=slot.pk).exists(),
            )
            rows.update(state=state, **({"cancelled_at": None} if cancelled else {}))

    assert all(ours == orms for ours, orms in seen.values()), seen
    assert {ours for ours, _orms in seen.values()} == {True, False}
