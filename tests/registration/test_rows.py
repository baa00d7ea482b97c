"""Rows written without the ORM's compiler are the rows the ORM would have written."""

from __future__ import annotations

import datetime as dt
import uuid
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Model
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext

from events.models import Message, Pool, Registration, Slot
from events.models.slot import SlotQuerySet
from events.rows import ask, by_key, change, change_straight, insert
from tests.factories import NOW, RegistrationFactory, SlotFactory, VisitorFactory

pytestmark = pytest.mark.django_db


def fresh(**kwargs: Any) -> Registration:
    return Registration(
        slot=SlotFactory(),
        visitor=VisitorFactory(),
        party_size=2,
        name="Élise “d’Oc” %s",
        submission_id=uuid.uuid4(),
        submission_hash="0" * 64,
        status="confirmed",
        any_of=uuid.uuid4(),
        created_at=NOW,
        confirmed_at=NOW + dt.timedelta(microseconds=1),
        **kwargs,
    )


def owed(**kwargs: Any) -> Message:
    return Message(
        kind="confirmation",
        recipient="camille@example.org",
        context={"été": [1, None, "’"]},
        next_attempt_at=NOW,
        created_at=NOW,
        **{"dedupe_key": "one", "message_id": f"<{uuid.uuid4()}@example.org>", **kwargs},
    )


@pytest.mark.parametrize("make", [fresh, owed])
def test_an_inserted_row_reads_as_it_was_written(make: Any) -> None:
    row = make()

    key = insert(row)

    kept = type(row).objects.get(pk=key)
    assert model_to_dict(kept) == model_to_dict(row)
    assert [getattr(kept, field.attname) for field in row._meta.concrete_fields] == [
        getattr(row, field.attname) for field in row._meta.concrete_fields
    ]
    row.save(update_fields=["created_at"])  # it is known as a row that is there
    assert type(row).objects.count() == 1


def test_a_second_row_under_a_unique_key_is_none() -> None:
    first = insert(owed(), unless_there=True)

    assert first is not None
    assert insert(owed(), unless_there=True) is None
    assert Message.objects.get().pk == first


def test_a_broken_constraint_comes_as_the_same_error() -> None:
    row = fresh()
    insert(row)

    with pytest.raises(IntegrityError), transaction.atomic():
        insert(
            Registration(
                slot=row.slot,
                visitor=row.visitor,
                submission_id=row.submission_id,
                party_size=1,
                created_at=NOW,
            )
        )


def test_watched_and_unwatched_statements_answer_alike() -> None:
    pk = RegistrationFactory(party_size=3).pk
    sql, raise_it = (
        "SELECT party_size FROM events_registration WHERE id = %s",
        "UPDATE events_registration SET party_size = party_size + %(more)s WHERE id = %(pk)s",
    )

    with CaptureQueriesContext(connection) as seen:
        watched = (ask(sql, [pk]), change(raise_it, {"more": 1, "pk": pk}), ask(sql, [0]))
    unwatched = (ask(sql, [pk]), change(raise_it, {"more": -1, "pk": pk}), ask(sql, [0]))

    assert len(seen) == 3
    assert watched == ((3,), 1, None)
    assert unwatched == ((4,), 1, None)


def test_rows_by_key_are_what_the_queryset_finds_in_the_order_asked(django_assert_num_queries: Any) -> None:
    plain = SlotFactory(venue=None, room=None)
    pooled = SlotFactory(next_release_at=NOW, start_time=dt.time(15))
    Pool.objects.create(slot=pooled, places=7, taken=2, releases_at=NOW)
    keys = [pooled.pk, 0, plain.pk]
    expected = {slot.pk: slot for slot in visible_slots()}

    for watched in (True, False):  # a statement that nobody counts stays prepared
        with django_assert_num_queries(1) if watched else nullcontext():
            found = by_key(visible_slots, keys)

            assert [slot.pk for slot in found] == [pooled.pk, plain.pk]
            for slot in found:
                assert everything(slot) == everything(expected[slot.pk])
    assert found[0].next_places == 5
    assert by_key(visible_slots, []) == []


def visible_slots() -> SlotQuerySet:
    return Slot.objects.visible().for_showing()


def everything(row: Any) -> Any:
    """The values of a row and of all that came along with it."""
    if not isinstance(row, Model):
        return row
    kept = {name: value for name, value in vars(row).items() if name != "_state"}
    return {**kept, **{name: everything(one) for name, one in row._state.fields_cache.items()}}


SAY = """
UPDATE events_message SET last_answer = %(answer)s, expires_at = %(until)s, attempts = %(times)s,
    status = %(state)s
WHERE id = %(id)s AND last_answer <> %(answer)s
"""


def said(key: int, **more: Any) -> dict[str, Any]:
    until = connection.ops.adapt_datetimefield_value(NOW)
    return {"id": key, "answer": "250 l’été $1 %s \\", "until": until, "times": 3, "state": "failed", **more}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("say", [change, change_straight])
@pytest.mark.parametrize("until", [True, False])
def test_a_statement_said_straight_changes_what_it_would_otherwise(say: Any, until: bool) -> None:
    key = insert(owed())
    more = {} if until else {"until": None}

    assert [say(SAY, said(key, **more)) for _time in range(2)] == [1, 0]

    kept = Message.objects.get()
    assert (kept.last_answer, kept.attempts) == ("250 l’été $1 %s \\", 3)
    assert kept.expires_at == (NOW if until else None)


@pytest.mark.django_db(transaction=True)
def test_a_statement_said_straight_in_a_transaction_goes_back_with_it() -> None:
    key = insert(owed())

    with transaction.atomic():
        assert change_straight(SAY, said(key)) == 1
        transaction.set_rollback(True)

    assert Message.objects.get().last_answer == ""


@pytest.mark.django_db(transaction=True)
def test_a_statement_said_straight_is_refused_as_any_other() -> None:
    key = insert(owed())

    with pytest.raises(IntegrityError, match="a_sent_message_says_when"):
        change_straight(SAY, said(key, state="sent"))

    assert change_straight(SAY, said(key)) == 1


@pytest.mark.django_db(transaction=True)
def test_a_session_that_was_ended_is_known_and_the_next_one_is_told_anew() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no session.")
    key = insert(owed())
    assert change_straight(SAY, said(key)) == 1
    session = ask("SELECT pg_backend_pid()", ())
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", session)
    other.close()

    with pytest.raises(OperationalError):
        change_straight(SAY, said(key, answer="again"))
    connection.close()

    assert change_straight(SAY, said(key, answer="again")) == 1
