"""A host's people: who there is, when they cannot, and who receives visitors in which slot.

Nobody is in two places at once: the database refuses it (``events.guards.PEOPLE``), whatever writes. Who may
do what is decided where the host or the slot is fetched (``managed_by``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import User
from events.guards import PERSON_GUARD
from events.models import Absence, Appearance, HostPerson, JournalEntry, Slot
from events.refusals import Reason, Refused
from events.registration.patience import patient

from .checks import Finding, Surroundings, Where
from .place import elsewhere_meanwhile, lock_people, lock_slot_with_its_place, refuse_broken_rules

# Who there is -----------------------------------------------------------------------------------------------


def add_person(*, host_id: int, values: dict[str, Any]) -> HostPerson:
    """``values``: ``name``, ``role``, ``email``, clean. Raises ``Refused(NAME_TAKEN)``."""
    return _save(HostPerson(host_id=host_id, **values))


def change_person(*, person_id: int, values: dict[str, Any]) -> HostPerson:
    """Raises ``Refused(NAME_TAKEN)``."""
    person = HostPerson.objects.get(pk=person_id)
    for name, value in values.items():
        setattr(person, name, value)
    return _save(person)


def _save(person: HostPerson) -> HostPerson:
    try:
        with transaction.atomic():
            person.save()
    except IntegrityError as error:
        others = HostPerson.objects.filter(host=person.host_id, name=person.name).exclude(pk=person.pk)
        if not others.exists():
            raise
        raise Refused(Reason.NAME_TAKEN) from error
    return person


def remove_person(*, person_id: int) -> None:
    """With their absences and appearances: the slots remain, and somebody else may receive there."""
    HostPerson.objects.filter(pk=person_id).delete()


# When they cannot -------------------------------------------------------------------------------------------


@transaction.atomic
def add_absence(
    *, person_id: int, starts_at: dt.datetime, ends_at: dt.datetime, reason: str = ""
) -> list[Slot]:
    """Note when somebody is not available; aware times. Returns the slots in which they receive meanwhile.

    Raises ``ValueError`` when it ends before it starts.
    """
    if ends_at <= starts_at:
        raise ValueError("An absence ends after it starts.")
    absence = Absence.objects.create(
        person_id=person_id, starts_at=starts_at, ends_at=ends_at, reason=reason.strip()
    )
    return meanwhile(absence)


def meanwhile(absence: Absence) -> list[Slot]:
    """The slots in which a person receives although they are not available."""
    appearances = Appearance.objects.filter(person=absence.person_id, active=True)
    during = appearances.filter(starts_at__lt=absence.ends_at, ends_at__gt=absence.starts_at)
    return list(Slot.objects.filter(pk__in=during.values("slot")).select_related("activity__host").in_order())


def remove_absence(*, absence_id: int) -> None:
    Absence.objects.filter(pk=absence_id).delete()


# Who receives where -----------------------------------------------------------------------------------------


@patient
def choose_people(*, slot_id: int, person_ids: Collection[int], by: User, now: dt.datetime) -> list[Finding]:
    """Say who receives visitors in a slot: these people of its host, and nobody else.

    Returns what the rules find and do not refuse. Raises ``Refused``: PERSON_BUSY (``slot``, ``in_the_way``:
    list of Appearance), RULE_BROKEN (``slot``, ``findings``), WRONG_STATE (withdrawn), IN_THE_PAST (over),
    BUSY. Raises ``HostPerson.DoesNotExist`` for one that is nobody of that host.
    """
    try:
        return _choose(slot_id, set(person_ids), by, now)
    except _Clash as clash:
        slot, people = clash.args
        found = elsewhere_meanwhile(slot, people)
        raise Refused(Reason.PERSON_BUSY, slot=slot, in_the_way=found) from clash


class _Clash(Exception):
    """The database refused: what is in the way is looked for once the locks are given back."""


@transaction.atomic
def _choose(slot_id: int, ids: set[int], by: User, now: dt.datetime) -> list[Finding]:
    slot = lock_slot_with_its_place(slot_id)
    if slot.is_cancelled:
        raise Refused(Reason.WRONG_STATE, slot=slot)
    if slot.ends_at <= now:
        raise Refused(Reason.IN_THE_PAST, slot=slot)
    people = list(HostPerson.objects.filter(pk__in=ids, host=slot.activity.host_id).order_by("name", "pk"))
    if len(people) != len(ids):
        raise HostPerson.DoesNotExist
    before = set(slot.appearances.values_list("person", flat=True))
    new = [person for person in people if person.pk not in before]
    if before == ids:
        return []
    lock_people([person.pk for person in new])
    where = Where.stands(slot)
    around = Surroundings.around([where], people=people)
    # Whoever received there already is not looked at again.
    refuse_broken_rules(around.findings(where, people=new, of_people=True), slot=slot, room=slot.room)
    slot.appearances.exclude(person__in=ids).delete()
    try:
        with transaction.atomic():
            Appearance.objects.bulk_create(
                Appearance(person=person, slot=slot, starts_at=slot.starts_at, ends_at=slot.ends_at)
                for person in new
            )
    except IntegrityError as error:
        if PERSON_GUARD not in str(error):
            raise
        raise _Clash(slot, new) from error
    # Names go with the people; the journal stays.
    JournalEntry.objects.create(
        at=now, actor=by, verb="people", activity=slot.activity, slot=slot, text=str(len(people))
    )
    return around.findings(where, people=people, of_people=True)
