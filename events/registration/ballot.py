"""Taking part in a draw: one entry for one person, changed or withdrawn until the closing.

Whoever types an address that has entered already sees what a fresh address would have shown; its owner is
told by mail, where the link to the entry stands (see ``known`` for the idea).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from events.mail.outbox import owe
from events.models import Ballot, BallotEntry, BallotWish, Festival, Message, Mode, Slot, Visitor
from events.models.slot import SlotQuerySet
from events.refusals import Reason, Refused

from .known import CALM
from .locks import keep_ballot_open
from .patience import patient
from .visitors import meet_visitor

ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """One submission of the form: ``wishes`` are slots, the most wanted first, each once."""

    ballot: Ballot
    email: str
    party_size: int
    wishes: tuple[int, ...]
    submission_id: uuid.UUID
    name: str
    locale: str
    now: dt.datetime

    @property
    def fingerprint(self) -> str:
        body = [self.ballot.pk, self.email, self.party_size, list(self.wishes), self.name]
        return hashlib.sha256(json.dumps(body, ensure_ascii=False).encode()).hexdigest()


class Known(Exception):
    """This person has entered before."""

    def __init__(self, entry: BallotEntry) -> None:
        super().__init__(entry.pk)
        self.entry = entry


@patient
def enter_ballot(
    *,
    ballot_id: int,
    email: str,
    party_size: int,
    wishes: Sequence[int],
    submission_id: uuid.UUID,
    now: dt.datetime,
    name: str = "",
    locale: str = "fr",
) -> BallotEntry:
    """Take part with a party and ranked wishes. The same submission again is the same entry.

    Raises ``Refused``: CLOSED, NOT_OPEN_YET (fact ``opens_at``), LIMIT and TOO_MANY_WISHES (fact ``most``),
    NO_WISH, WISH_GONE (fact ``gone``: slots), NAME_NEEDED, SUBMISSION_REUSED, BUSY, and ALREADY_REGISTERED:
    the public page shows a receipt all the same.
    """
    ballot = Ballot.objects.select_related("festival").get(pk=ballot_id)
    asked = Asked(
        ballot,
        email.strip().lower(),
        party_size,
        tuple(dict.fromkeys(wishes)),
        submission_id,
        name.strip(),
        "en" if locale.startswith("en") else "fr",
        now,
    )
    for _attempt in range(ATTEMPTS):
        if earlier := BallotEntry.objects.filter(submission_id=submission_id).first():
            return _replay(earlier, asked)
        refuse_closed(ballot, now=now)
        check_wishes(ballot, party_size=party_size, wishes=asked.wishes, name=asked.name)
        try:
            return _enter(asked)
        except Known as known:
            _answer_known(asked, known.entry)
            raise Refused(Reason.ALREADY_REGISTERED) from None
        except IntegrityError:  # the same form at this very moment
            continue
    raise Refused(Reason.BUSY)


@transaction.atomic
def _enter(asked: Asked) -> BallotEntry:
    if not keep_ballot_open(asked.ballot.pk):
        raise Refused(Reason.CLOSED)
    met = meet_visitor(email=asked.email, locale=asked.locale, now=asked.now)
    there = BallotEntry.objects.filter(
        ballot=asked.ballot, visitor__mailbox=met.mailbox, withdrawn_at__isnull=True
    )
    if entered := there.exclude(submission_id=asked.submission_id).select_related("visitor").first():
        raise Known(entered)
    entry = BallotEntry.objects.create(
        ballot=asked.ballot,
        visitor_id=met.pk,
        submission_id=asked.submission_id,
        submission_hash=asked.fingerprint,
        party_size=asked.party_size,
        name=asked.name,
        locale=asked.locale,
        created_at=asked.now,
    )
    write_wishes(entry, asked.wishes)
    owe(
        kind=Message.Kind.BALLOT_ENTERED,
        dedupe_key=f"ballot_entered:{entry.pk}:0",
        recipient=asked.email,
        locale=asked.locale,
        now=asked.now,
        ballot_entry=entry,
        visitor=entry.visitor,
    )
    return entry


@patient
@transaction.atomic
def change_wishes(
    *, entry_id: int, party_size: int, wishes: Sequence[int], now: dt.datetime, name: str = ""
) -> BallotEntry:
    """Other wishes, another order, another party, until the closing. By the visitor's own link.

    Raises ``Refused``: CLOSED, NOT_ACTIVE (withdrawn), and what ``enter_ballot`` says of wishes and party.
    """
    entry = _lock(entry_id, now)
    ranked = tuple(dict.fromkeys(wishes))
    check_wishes(entry.ballot, party_size=party_size, wishes=ranked, name=name.strip())
    entry.party_size, entry.name, entry.revision = party_size, name.strip(), entry.revision + 1
    entry.save(update_fields=["party_size", "name", "revision"])
    entry.wishes.all().delete()
    write_wishes(entry, ranked)
    _confirm_address(entry, now)
    return entry


@patient
@transaction.atomic
def withdraw_entry(*, entry_id: int, now: dt.datetime) -> BallotEntry:
    """Take part no longer. Raises ``Refused``: CLOSED, NOT_ACTIVE (withdrawn before)."""
    entry = _lock(entry_id, now)
    entry.withdrawn_at, entry.revision = now, entry.revision + 1
    entry.save(update_fields=["withdrawn_at", "revision"])
    _confirm_address(entry, now)
    return entry


@patient
@transaction.atomic
def confirm_entry(*, entry_id: int, now: dt.datetime) -> BallotEntry:
    """Say that the address is one's own, where the edition asks for it. Raises ``Refused``: CLOSED,
    NOT_ACTIVE.
    """
    entry = _lock(entry_id, now)
    _confirm_address(entry, now)
    return entry


def _lock(entry_id: int, now: dt.datetime) -> BallotEntry:
    """The entry, its row locked and its ballot kept open."""
    ballot_id = BallotEntry.objects.values_list("ballot_id", flat=True).get(pk=entry_id)
    if not keep_ballot_open(ballot_id):
        raise Refused(Reason.CLOSED)
    entry = (
        BallotEntry.objects.select_for_update(of=("self",), no_key=True)
        .select_related("ballot__festival")
        .get(pk=entry_id)
    )
    refuse_closed(entry.ballot, now=now)
    if entry.withdrawn_at is not None or entry.visitor_id is None:
        raise Refused(Reason.NOT_ACTIVE)
    return entry


def _confirm_address(entry: BallotEntry, now: dt.datetime) -> None:
    unsure = Visitor.objects.filter(ballot_entries=entry, verified_at__isnull=True)
    Visitor.objects.filter(pk__in=unsure.values("pk")).update(verified_at=now)


def refuse_closed(ballot: Ballot, *, now: dt.datetime) -> None:
    """Raises ``Refused``: CLOSED, NOT_OPEN_YET (fact ``opens_at``). By the server's clock."""
    is_over = bool(ballot.entries_hash) or ballot.drawn_at is not None or ballot.closes_at <= now
    if is_over or ballot.festival.state != Festival.State.PUBLISHED:
        raise Refused(Reason.CLOSED)
    if ballot.opens_at > now:
        raise Refused(Reason.NOT_OPEN_YET, opens_at=ballot.opens_at)


def slots_to_win(ballot: Ballot) -> SlotQuerySet:
    """What can be wished for: published slots of the ballot's activities that start after the closing."""
    of_it = Slot.objects.published().filter(activity__ballot=ballot, activity__mode=Mode.BALLOT)
    return of_it.filter(starts_at__gt=ballot.closes_at)


def most_of_party(ballot: Ballot) -> int:
    return min(ballot.most_places, ballot.festival.most_places)


def check_wishes(ballot: Ballot, *, party_size: int, wishes: Sequence[int], name: str) -> None:
    """Raises ``Refused``: LIMIT, NO_WISH, TOO_MANY_WISHES, WISH_GONE, NAME_NEEDED."""
    most = most_of_party(ballot)
    if not 1 <= party_size <= most:
        raise Refused(Reason.LIMIT, most=most)
    if not wishes:
        raise Refused(Reason.NO_WISH)
    if len(wishes) > ballot.most_wishes:
        raise Refused(Reason.TOO_MANY_WISHES, most=ballot.most_wishes)
    asks_name = dict(slots_to_win(ballot).filter(pk__in=wishes).values_list("pk", "activity__ask_name"))
    if gone := [slot_id for slot_id in wishes if slot_id not in asks_name]:
        raise Refused(Reason.WISH_GONE, gone=gone)
    if any(asks_name.values()) and not name:
        raise Refused(Reason.NAME_NEEDED)


def write_wishes(entry: BallotEntry, wishes: Sequence[int]) -> None:
    BallotWish.objects.bulk_create(
        BallotWish(entry=entry, slot_id=slot_id, rank=rank) for rank, slot_id in enumerate(wishes, 1)
    )


def _replay(earlier: BallotEntry, asked: Asked) -> BallotEntry:
    if earlier.submission_hash != asked.fingerprint:
        raise Refused(Reason.SUBMISSION_REUSED)
    return earlier


@transaction.atomic
def _answer_known(asked: Asked, there: BallotEntry) -> None:
    """Nothing changes; the owner gets the link to the entry again, once an hour. Raises
    ``Refused(SUBMISSION_REUSED)``.
    """
    key = f"ballot_again:{asked.submission_id}"
    if answered := Message.objects.filter(dedupe_key=key).first():
        if answered.context["submission_hash"] != asked.fingerprint:
            raise Refused(Reason.SUBMISSION_REUSED)
        return
    assert there.visitor is not None  # noqa: S101 - found by its mailbox
    told = Message.objects.filter(ballot_entry=there, created_at__gt=asked.now - CALM)
    told = told.filter(dedupe_key__startswith="ballot_again:").exclude(status=Message.Status.SUPPRESSED)
    is_told = told.exists()
    owe(
        kind=Message.Kind.BALLOT_ENTERED,
        dedupe_key=key,
        recipient=there.visitor.email,
        locale=asked.locale,
        now=asked.now,
        ballot_entry=there,
        visitor=there.visitor,
        context={"submission_hash": asked.fingerprint, "again": True},
    )
    if is_told:
        Message.objects.filter(dedupe_key=key).update(status=Message.Status.SUPPRESSED)
