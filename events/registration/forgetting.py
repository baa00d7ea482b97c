"""People can leave: what is known of an address, its erasure, and the erasure that comes by itself with time.

What is erased leaves numbers (``ErasedCount``), so that the books still agree with the ledger and the figures
of an edition stay true.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import IntegrityError, models, transaction
from django.db.models import F, Prefetch, Q

from accounts.models import User
from events.links import FOLLOW_CONFIRMED_WITHIN, hash_of_address
from events.models import (
    Absence,
    BallotEntry,
    BallotWish,
    Delivery,
    DeliveryEvent,
    ErasedCount,
    Follow,
    Follower,
    GoneSlot,
    HostPerson,
    Job,
    KeptMail,
    Message,
    Pool,
    RateCount,
    Registration,
    RoomRequest,
    Slot,
    Suppression,
    Venue,
    Visitor,
)
from events.models.gone import KEPT as GONE_KEPT
from events.models.gone import ms_of

from .cancel import cancel_registration
from .locks import keep_ballot_open, lock_slot
from .patience import patient
from .pools import count_pools

NAMES_LAST = dt.timedelta(days=30)
REGISTRATIONS_LAST = dt.timedelta(days=90)
COUNTS_LAST = dt.timedelta(days=1)
STOPPED_LAST = dt.timedelta(days=30)
"""What one follows no longer: so long it can be taken up again by its link."""
ERASED = "[…]"
CONFIRMED, WAITING, HELD = (
    Registration.Status.CONFIRMED,
    Registration.Status.WAITING,
    Registration.Status.HELD,
)


class OnlyKeeper(Exception):
    """The address is that of the only superuser: who would run the site?"""


# What is known
# --------------------------------------------------------------------------------------------------


def export_person(*, email: str) -> dict[str, Any]:
    """Everything kept about an address (RGPD art. 15 and 20), as plain values; empty lists where there is
    nothing."""
    email = email.strip().lower()
    registrations = (
        Registration.objects.filter(visitor__email=email)
        .select_related("slot__activity__host", "slot__activity__territory", "partner")
        .order_by("created_at", "pk")
    )
    return {
        "email": email,
        "visitor": [
            {
                "language": visitor.locale,
                "since": visitor.created_at,
                "link_expires_at": visitor.link_expires_at,
            }
            for visitor in Visitor.objects.filter(email=email)
        ],
        "registrations": [_export_registration(registration) for registration in registrations],
        "ballots": [_export_entry(entry) for entry in _entries_of(email)],
        "mails": list(
            Message.objects.filter(recipient__iexact=email)
            .order_by("pk")
            .values("kind", "status", "locale", "created_at", "sent_at")
        ),
        "no_reminders": Suppression.objects.filter(
            email_hash=hash_of_address(email), scope__in=[Suppression.Scope.REMINDERS, Suppression.Scope.ALL]
        ).exists(),
        "stopped_mails": list(
            Suppression.objects.filter(email_hash=hash_of_address(email))
            .order_by("pk")
            .values("scope", "reason", "detail", "created_at")
        ),
        "returned_mails": list(
            DeliveryEvent.objects.filter(email_hash=hash_of_address(email))
            .order_by("at", "pk")
            .values("kind", "detail", "at")
        ),
        "follows": [_export_follow(follow) for follow in _follows_of(email)],
        "account": [_export_account(user) for user in User.objects.filter(email__iexact=email)],
        "receives_for": [_export_host_person(person) for person in _host_people_of(email)],
        "contact_of": list(
            Venue.objects.filter(contact_email__iexact=email)
            .order_by("pk")
            .values("name", "contact_name", "contact_phone")
        ),
        "room_requests": list(
            RoomRequest.objects.filter(asked_by__email__iexact=email)
            .order_by("asked_at", "pk")
            .values("room__name", "label", "starts_at", "ends_at", "message", "asked_at", "state", "answer")
        ),
    }


def _follows_of(email: str) -> models.QuerySet[Follow]:
    return Follow.objects.filter(follower__email=email).select_related("topic").order_by("asked_at", "pk")


def _export_follow(follow: Follow) -> dict[str, Any]:
    """The consent with its proof."""
    return {
        "what": str(follow.topic.host or follow.topic.activity or follow.topic.territory or ""),
        "theme": follow.topic.theme,
        "asked_at": follow.asked_at,
        "page": follow.page,
        "words": follow.words,
        "confirmed_at": follow.confirmed_at,
        "stopped_at": follow.stopped_at,
    }


def _host_people_of(email: str) -> models.QuerySet[HostPerson]:
    """Somebody of a host, by their own address or by that of their account."""
    people = HostPerson.objects.filter(Q(email__iexact=email) | Q(user__email__iexact=email))
    return people.select_related("host").order_by("pk")


def _export_host_person(person: HostPerson) -> dict[str, Any]:
    appearances = person.appearances.select_related("slot__activity").order_by("starts_at", "pk")
    return {
        "host": person.host.name,
        "name": person.name,
        "role": person.role,
        "receives": [
            {"activity": row.slot.activity.title_fr, "starts_at": row.slot.local_start} for row in appearances
        ],
        "absences": list(
            person.absences.order_by("starts_at", "pk").values("starts_at", "ends_at", "reason")
        ),
    }


def _export_registration(registration: Registration) -> dict[str, Any]:
    slot = registration.slot
    return {
        "reference": registration.reference,
        "activity": slot.activity.title_fr,
        "host": slot.activity.host.name,
        "territory": slot.activity.territory.name,
        "starts_at": slot.local_start,
        "status": registration.status,
        "places": registration.party_size,
        "name": registration.name,
        "kept_for": registration.pool,
        "language": registration.locale,
        "booked_at": registration.created_at,
        "given_back_at": registration.cancelled_at,
        "checked_in_at": registration.checked_in_at,
        "booked_by": registration.partner.name if registration.partner else "visitor",
    }


def _entries_of(email: str) -> Iterable[BallotEntry]:
    wishes = Prefetch("wishes", BallotWish.objects.select_related("slot__activity").order_by("rank"))
    entries = BallotEntry.objects.filter(visitor__email=email).select_related("ballot")
    return entries.prefetch_related(wishes).order_by("created_at", "pk")


def _export_entry(entry: BallotEntry) -> dict[str, Any]:
    return {
        "ballot": entry.ballot.name_fr,
        "code": str(entry.code),
        "places": entry.party_size,
        "name": entry.name,
        "language": entry.locale,
        "entered_at": entry.created_at,
        "withdrawn_at": entry.withdrawn_at,
        "drawn": entry.rank,
        "wishes": [
            {
                "rank": wish.rank,
                "activity": wish.slot.activity.title_fr,
                "starts_at": wish.slot.local_start,
                "won": wish.won,
            }
            for wish in entry.wishes.all()
        ],
    }


def _export_account(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "since": user.joined_at,
        "last_login": user.last_login,
        "hosts": list(user.host_roles.order_by("pk").values_list("host__name", flat=True)),
        "venues": list(user.venue_roles.order_by("pk").values_list("venue__name", flat=True)),
        "territories": list(user.territory_roles.order_by("pk").values_list("territory__name", flat=True)),
        "festivals": list(user.festival_roles.order_by("pk").values_list("festival__name", flat=True)),
    }


# Erasure on demand
# ----------------------------------------------------------------------------------------------


@patient
@transaction.atomic
def erase_person(*, email: str, now: dt.datetime) -> dict[str, int]:
    """Forget an address everywhere (RGPD art. 17); says how many of each kind were erased.

    Places of visits to come are given back first, so that who waits is offered them. The wish for no
    reminders, and that mail came back, stay as a keyed hash: without it the next booking would undo them.
    Raises ``OnlyKeeper``.
    """
    email = email.strip().lower()
    keepers = User.objects.filter(is_superuser=True, is_active=True)
    if keepers.filter(email__iexact=email).exists() and keepers.count() == 1:
        raise OnlyKeeper
    # Locked first, so that a booking of this address waits and then starts anew.
    visitors = list(Visitor.objects.select_for_update().filter(email=email))
    registrations = Registration.objects.filter(visitor__in=visitors)
    kept, accounts = _kept_mails(email), User.objects.filter(email__iexact=email)
    people = HostPerson.objects.filter(pk__in=list(_host_people_of(email).values_list("pk", flat=True)))
    erased = {
        "registrations": registrations.count(),
        "visitors": len(visitors),
        "mails": Message.objects.filter(recipient__iexact=email).count() + kept.count(),
        "accounts": accounts.count(),
    }
    to_come = registrations.active().filter(slot__starts_at__gt=now).order_by("slot_id", "pk")
    for pk in to_come.values_list("pk", flat=True):
        cancel_registration(registration_id=pk, now=now, by="erasure")
    for slot_id in sorted(set(registrations.values_list("slot_id", flat=True))):
        _leave_numbers(lock_slot(slot_id), registrations.filter(slot_id=slot_id))
    erased["follows"] = Follow.objects.filter(follower__email=email).count()
    Follower.objects.filter(email=email).delete()
    Message.objects.filter(recipient__iexact=email).delete()
    DeliveryEvent.objects.filter(email_hash=hash_of_address(email)).delete()
    kept.delete()
    entries = BallotEntry.objects.filter(visitor__in=visitors)
    for ballot_id in sorted(set(entries.values_list("ballot_id", flat=True))):
        # Until the closing the entry goes; after it the list stays what it was, and nobody wins by it.
        is_open = keep_ballot_open(ballot_id)
        if is_open:
            entries.filter(ballot=ballot_id, withdrawn_at__isnull=True).update(withdrawn_at=now)
    entries.update(name="")
    Visitor.objects.filter(pk__in=[visitor.pk for visitor in visitors]).delete()
    accounts.delete()
    erased["host_people"] = people.count()
    people.delete()
    # A contact is a name and a telephone too.
    contacts = Venue.objects.filter(contact_email__iexact=email)
    erased["venue_contacts"] = contacts.update(contact_name="", contact_email="", contact_phone="")
    erased["mentions"] = sum(_erase_mentions(field, email) for field in _typed_texts())
    return erased


def _whole(email: str) -> re.Pattern[str]:
    """The address itself, not the end of a longer one."""
    return re.compile(rf"(?<![\w.+%-]){re.escape(email)}(?![\w-]|\.\w)", re.IGNORECASE)


def _kept_mails(email: str) -> models.QuerySet[KeptMail]:
    near = KeptMail.objects.filter(Q(recipient__icontains=email) | Q(source__icontains=email))
    pattern = _whole(email)
    found = [mail.pk for mail in near.iterator() if pattern.search(f"{mail.recipient}\n{mail.source}")]
    return KeptMail.objects.filter(pk__in=found)


def _typed_texts() -> Iterable[models.Field[Any, Any]]:
    """Every column somebody may have typed the address into, contact addresses and the back office's log
    included."""
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.concrete_fields:
            is_text = isinstance(field, (models.CharField, models.TextField, models.JSONField))
            if is_text and not field.choices and not field.primary_key:
                yield field


def _erase_mentions(field: models.Field[Any, Any], email: str) -> int:
    """The address becomes a gap in the text, an address field becomes empty."""
    pattern, number = _whole(email), 0
    manager = field.model._default_manager
    for pk, value in manager.filter(**{f"{field.name}__icontains": email}).values_list("pk", field.name):
        blank = _erased_from(value, pattern)
        if blank == value:
            continue
        manager.filter(pk=pk).update(**{field.name: "" if isinstance(field, models.EmailField) else blank})
        number += 1
    return number


def _erased_from(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(ERASED, value)
    if isinstance(value, list):
        return [_erased_from(part, pattern) for part in value]
    if isinstance(value, dict):
        return {key: _erased_from(part, pattern) for key, part in value.items()}
    return value


# Erasure with time
# ----------------------------------------------------------------------------------------------


def purge_expired(*, now: dt.datetime) -> dict[str, int]:
    """What may no longer be kept: names and access needs 30 days after the visit, registrations and mails
    after 90, leaving numbers; the people of hosts 90 days after their edition; follows nobody confirmed after
    two days, and stopped ones after 30.

    Safe to run twice and at any time; one short transaction a slot.
    """
    limit = now - REGISTRATIONS_LAST
    past = Slot.objects.filter(ends_at__lt=limit, registrations__isnull=False).order_by("pk").distinct()
    erased = {"registrations": sum(_purge_slot(slot_id) for slot_id in past.values_list("pk", flat=True))}
    named = Registration.objects.filter(slot__ends_at__lt=now - NAMES_LAST).exclude(name="")
    erased["names"] = named.update(name="")
    erased["access_needs"] = _forget_access_needs(now - NAMES_LAST)
    # The draw stays one that anybody can replay; who the entries were is forgotten.
    BallotEntry.objects.filter(ballot__closes_at__lt=limit).update(visitor=None, name="")
    erased["visitors"] = _purge_visitors(limit)
    over = Message.objects.filter(created_at__lt=limit, registration__isnull=True)
    over = over.exclude(status__in=[Message.Status.PENDING, Message.Status.SENDING])
    erased["mails"] = over.delete()[0] + KeptMail.objects.filter(kept_at__lt=limit).delete()[0]
    erased["rate_counts"] = RateCount.objects.filter(window__lt=now - COUNTS_LAST).delete()[0]
    Delivery.objects.filter(created_at__lt=limit).delete()
    DeliveryEvent.objects.filter(at__lt=limit).delete()
    erased["jobs"] = Job.objects.filter(finished_at__lt=limit).delete()[0]
    erased["host_people"] = _purge_host_people(limit)
    Absence.objects.filter(ends_at__lt=limit).delete()
    GoneSlot.objects.filter(gone_ms__lt=ms_of(now - GONE_KEPT)).delete()
    erased["follows"] = _purge_follows(now)
    erased["sessions"] = Session.objects.filter(expire_date__lt=now).delete()[0]
    return erased


def _purge_host_people(limit: dt.datetime) -> int:
    """Who received in editions that are over by then, and who never did where nothing is coming; how many."""
    day = limit.date()
    people = HostPerson.objects.exclude(appearances__slot__activity__festival__ends_on__gte=day)
    here = Q(host__activities__festival__ends_on__gte=day) | Q(host__created_at__gte=limit)
    ahead = people.filter(here, appearances__isnull=True)
    gone = people.exclude(pk__in=ahead.values("pk"))
    number = gone.count()
    HostPerson.objects.filter(pk__in=list(gone.values_list("pk", flat=True))).delete()
    return number


def _purge_follows(now: dt.datetime) -> int:
    """Those nobody said yes to within two days, those stopped a month ago; how many."""
    never = Follow.objects.never_confirmed(now - FOLLOW_CONFIRMED_WITHIN)
    gone = never.delete()[0] + Follow.objects.filter(stopped_at__lt=now - STOPPED_LAST).delete()[0]
    idle = Follower.objects.filter(follows__isnull=True, created_at__lt=now - FOLLOW_CONFIRMED_WITHIN)
    for pk in list(idle.values_list("pk", flat=True)):
        with contextlib.suppress(IntegrityError), transaction.atomic():  # one that asks at this very moment
            Follower.objects.filter(pk=pk, follows__isnull=True).delete()
    return gone


def _forget_access_needs(limit: dt.datetime) -> int:
    """Who asked for an adapted access: the tick is the first thing to go; how many."""
    needs = Registration.objects.filter(slot__ends_at__lt=limit, pool=Pool.Kind.ACCESS)
    slots = needs.order_by("slot_id").values_list("slot_id", flat=True).distinct()
    return sum(_forget_access_needs_of(slot_id) for slot_id in slots)


@patient
@transaction.atomic
def _forget_access_needs_of(slot_id: int) -> int:
    """The reserve goes with the ticks, so that the books still agree."""
    slot = lock_slot(slot_id)
    forgotten = slot.registrations.filter(pool=Pool.Kind.ACCESS).update(pool="")
    slot.pools.filter(kind=Pool.Kind.ACCESS).delete()
    count_pools(slot, slot.pools.all())
    return forgotten


@patient
@transaction.atomic
def _purge_slot(slot_id: int) -> int:
    slot = lock_slot(slot_id)
    return _leave_numbers(slot, slot.registrations.all())


def _purge_visitors(limit: dt.datetime) -> int:
    """Addresses with nothing left; one that books at this very moment stays."""
    gone = 0
    idle = Visitor.objects.filter(
        created_at__lt=limit, registrations__isnull=True, ballot_entries__isnull=True
    )
    for pk in list(idle.values_list("pk", flat=True)):
        try:
            with transaction.atomic():
                gone += bool(Visitor.objects.filter(pk=pk, registrations__isnull=True).delete()[0])
        except (IntegrityError, models.ProtectedError):
            continue
    return gone


def _leave_numbers(slot: Slot, registrations: models.QuerySet[Registration]) -> int:
    """Delete these registrations of a locked slot with their mails, and leave numbers; their number."""
    rows = list(registrations.values_list("status", "party_size", "checked_in_at"))
    if not rows:
        return 0
    waited = sum(status == WAITING for status, _size, _seen in rows)
    held = sum(size for status, size, _seen in rows if status == HELD)
    count, _new = ErasedCount.objects.get_or_create(slot=slot)
    ErasedCount.objects.filter(pk=count.pk).update(
        registrations=F("registrations") + sum(status == CONFIRMED for status, _size, _seen in rows),
        places=F("places") + sum(size for status, size, _seen in rows if status == CONFIRMED),
        came=F("came") + sum(size for status, size, seen in rows if status == CONFIRMED and seen),
        given_back=F("given_back")
        + sum(status == Registration.Status.CANCELLED for status, _size, _seen in rows),
        waited=F("waited") + waited,
    )
    if waited or held:
        Slot.objects.filter(pk=slot.pk).update(waiting=F("waiting") - waited, held=F("held") - held)
    registrations.delete()
    return len(rows)
