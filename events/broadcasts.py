"""A message to many: counted before it goes; then long work, throttled behind every other mail.

A segment says who (``Who``) and of which part of an edition: a territory or all of it, and in it a day, a
host, an activity, a slot or a city. ``count_audience`` says how many addresses that is now;
``start_broadcast`` takes up what was read there; ``run_broadcast`` owes one mail an address, in batches;
``stop_broadcast`` ends it wherever it is.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from events.limits import allow
from events.links import hash_of_address
from events.longwork import Outcome, Work, ask_job, ask_to_stop
from events.mail.bulk_facts import STATE_OF, Who, slots_of
from events.mail.outbox import PRIORITY, new_message_id, nudge_after_commit
from events.mail.suppressions import hashes_stopped
from events.models import (
    Activity,
    Broadcast,
    Commune,
    Festival,
    Host,
    HostMember,
    Job,
    Message,
    Registration,
    Slot,
    Suppression,
    Territory,
)
from events.quiet import QuietHours
from events.refusals import Reason, Refused
from events.registration.patience import patient
from events.wording import say_day

HOME_ZONE = "Europe/Paris"
BATCH = 500
LASTS = dt.timedelta(days=3)
"""After that it says nothing to anybody any more, and is not sent."""
MOST_PER_DAY = 20
"""By one organiser."""
SENT_TWICE_WITHIN = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class Segment:
    """Who of which part of an edition.

    ``part``: empty for all of it, or ``jour:2027-06-10``, ``hote:``, ``activite:``, ``creneau:``, ``ville:``
    with a key. ``territory``: None for all of the edition.
    """

    festival: Festival
    territory: Territory | None
    who: Who
    part: str = ""

    @property
    def as_json(self) -> dict[str, str]:
        return {"who": self.who.value, "part": self.part}


@dataclass(frozen=True)
class Words:
    """What is said; without English words everybody reads the French ones."""

    subject: str
    text: str
    subject_en: str = ""
    text_en: str = ""


@dataclass(frozen=True)
class Reader:
    """An address that gets it. ``mark`` orders readers: a visitor's key, or a host's address."""

    mark: int | str
    email: str
    locale: str
    zone: str
    territory_id: int | None
    visitor_id: int | None = None
    registration_id: int | None = None


@dataclass(frozen=True)
class Counted:
    """How many addresses get it, how many want none (or take none), in which language they read."""

    readers: int
    unwilling: int
    english: int
    fingerprint: str = ""


# Whom -------------------------------------------------------------------------------------------------------


def readers_of(
    segment: Segment, *, now: dt.datetime, after: int | str | None = None, known_by: dt.datetime | None = None
) -> Iterator[Reader]:
    """Each address once, in the order of its mark, those that want none included.

    ``after``: from that mark on. ``known_by``: who booked later is left out.
    """
    if segment.who == Who.HOSTS:
        return _hosts_of(segment, str(after or ""))
    return _visitors_of(segment, now, int(after or 0), known_by)


def _slots_of(segment: Segment) -> Any:
    return slots_of(segment.festival, segment.territory, segment.part)


def _visitors_of(
    segment: Segment, now: dt.datetime, after: int, known_by: dt.datetime | None
) -> Iterator[Reader]:
    slots, found = _slots_of(segment), Registration.objects.filter(visitor__gt=after)
    if known_by is not None:
        found = found.filter(created_at__lte=known_by)
    if segment.who == Who.CAME:
        found = found.filter(status=Registration.Status.CONFIRMED, checked_in_at__isnull=False)
    else:
        slots = slots.filter(state=Slot.State.PUBLISHED, ends_at__gt=now)
        found = found.filter(status=STATE_OF[segment.who])
    rows = (
        found.filter(slot__in=slots.values("pk"))
        .order_by("visitor_id", "-pk")
        .values_list(
            "visitor_id", "visitor__email", "locale", "slot__timezone", "slot__activity__territory", "pk"
        )
    )
    latest = 0
    for visitor, email, locale, zone, territory, key in rows.iterator(chunk_size=2000):
        if visitor != latest:
            latest = visitor
            yield Reader(visitor, email, locale, zone, territory, visitor, key)


def _hosts_of(segment: Segment, after: str) -> Iterator[Reader]:
    """The accounts that speak for these hosts; where there is none, the host's contact address."""
    if segment.part:
        hosts = Host.objects.filter(pk__in=_slots_of(segment).values("activity__host"))
    else:
        given_up = [Activity.State.REJECTED, Activity.State.CANCELLED]
        shown = Activity.objects.filter(festival=segment.festival).exclude(state__in=given_up)
        if segment.territory is not None:
            shown = shown.filter(territory=segment.territory)
        hosts = Host.objects.filter(pk__in=shown.values("host"))
    members = HostMember.objects.filter(host__in=hosts.values("pk"), user__is_active=True)
    rows = [
        *members.values_list("user__email", "user__locale", "host__territory__timezone", "host__territory"),
        *(
            (email, "fr", zone, territory)
            for email, zone, territory in hosts.exclude(pk__in=members.values("host"))
            .exclude(contact_email="")
            .values_list("contact_email", "territory__timezone", "territory")
        ),
    ]
    found: dict[str, Reader] = {}
    for email, locale, zone, territory in rows:
        mark = email.strip().lower()
        if mark > after:
            found.setdefault(mark, Reader(mark, email, locale or "fr", zone, territory))
    yield from (found[mark] for mark in sorted(found))


def count_audience(*, segment: Segment, words: Words, now: dt.datetime) -> Counted:
    """How many it would be now, with the mark of what one reads: the segment, the words and the number."""
    refused = hashes_stopped(Suppression.Scope.BROADCASTS, now=now)
    readers = unwanted = english = 0
    for reader in readers_of(segment, now=now):
        if refused and hash_of_address(reader.email) in refused:
            unwanted += 1
        else:
            readers += 1
            english += reader.locale == "en"
    read = [
        segment.festival.pk,
        segment.territory.pk if segment.territory else None,
        segment.as_json,
        asdict(words),
        readers,
    ]
    mark = hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()[:32]
    return Counted(readers, unwanted, english, mark)


def first_reader(segment: Segment, *, now: dt.datetime) -> Reader | None:
    """Somebody of the segment, for a preview with real data."""
    return next(iter(readers_of(segment, now=now)), None)


def say_part(part: str, *, territory: Territory | None, festival: Festival) -> str:
    """« Toulouse », « jeudi 10 juin », the name of a host: which part of an edition, in words."""
    kind, _colon, what = part.partition(":")
    if not kind:
        return str(territory or festival)
    if kind == "jour":
        return say_day(dt.date.fromisoformat(what))
    if kind == "creneau":
        slot = Slot.objects.filter(pk=what).select_related("activity").first()
        return f"{slot.activity.title}, {say_day(slot.day)}" if slot is not None else ""
    models = {"hote": Host, "activite": Activity, "ville": Commune}
    return str(models[kind]._default_manager.filter(pk=what).first() or "")


# Asking for it ----------------------------------------------------------------------------------------------


@patient
@transaction.atomic
def start_broadcast(
    *, segment: Segment, words: Words, fingerprint: str, by: User, now: dt.datetime
) -> Broadcast:
    """Ask for what was read and counted; sent twice, it is asked once.

    Raises ``Refused``: NOBODY_TO_TELL, CHANGED_MEANWHILE (fact ``counted``: it is no longer the number that
    was read), TOO_OFTEN (twenty a day by one organiser).
    """
    list(User.objects.select_for_update(no_key=True).filter(pk=by.pk).values_list("pk"))
    lately = Broadcast.objects.filter(created_by=by, created_at__gt=now - SENT_TWICE_WITHIN)
    for known in lately.select_related("job"):
        if known.job is not None and known.job.params.get("fingerprint") == fingerprint:
            return known
    counted = count_audience(segment=segment, words=words, now=now)
    if not counted.readers:
        raise Refused(Reason.NOBODY_TO_TELL)
    if counted.fingerprint != fingerprint:
        raise Refused(Reason.CHANGED_MEANWHILE, counted=counted)
    if not allow(
        action="broadcast", peer=f"user {by.pk}", limit=MOST_PER_DAY, per=dt.timedelta(days=1), now=now
    ):
        raise Refused(Reason.TOO_OFTEN)
    broadcast = Broadcast.objects.create(
        festival=segment.festival,
        territory=segment.territory,
        segment=segment.as_json,
        counted=counted.readers,
        created_by=by,
        created_at=now,
        **asdict(words),
    )
    broadcast.job = ask_job(
        kind=Job.Kind.MESSAGE,
        territory=segment.territory,
        by=by,
        params={"broadcast": broadcast.pk, "fingerprint": fingerprint, "label": words.subject},
        now=now,
        total=counted.readers,
    )
    broadcast.save(update_fields=["job"])
    return broadcast


@patient
@transaction.atomic
def stop_broadcast(*, broadcast: Broadcast, now: dt.datetime) -> int:
    """Send no more of it: how many mails that were owed are not sent. What has left has left.

    The job's row is locked here and by each of its batches, so none comes after this.
    """
    held = Job.objects.select_for_update(of=("self",), no_key=True)
    job = held.filter(broadcast=broadcast).first()
    if job is not None and not job.is_over:
        ask_to_stop(job_id=job.pk, now=now)
    elif job is not None and job.stop_asked_at is None:
        # It has owed everything; a mail that comes back from a busy relay still finds that it was stopped.
        Job.objects.filter(pk=job.pk).update(stop_asked_at=now)
    state = Message.Status
    # What a worker has claimed and not begun too: without its lease it cannot begin.
    unbegun = Q(status=state.PENDING) | Q(status=state.SENDING, data_started_at__isnull=True)
    return Message.objects.filter(unbegun, broadcast=broadcast).update(
        status=state.CANCELLED, lease_token=None, lease_until=None, last_answer="stopped by an organiser"
    )


# Doing it ---------------------------------------------------------------------------------------------------


def run_broadcast(work: Work) -> Outcome:
    """Batch after batch, each in the transaction that says so: owed once, whichever worker dies.

    ``report``: ``{"after": mark of the last reader}``.
    """
    found = Broadcast.objects.select_related("festival", "territory")
    broadcast = found.filter(pk=work.job.params["broadcast"]).first()
    if broadcast is None:
        return Outcome.STOPPED
    while True:
        outcome = _batch(work, broadcast)
        if outcome is not None:
            return outcome
        if work.should_rest:
            return Outcome.LATER


@patient
@transaction.atomic
def _batch(work: Work, broadcast: Broadcast) -> Outcome | None:
    """None when there is more to do."""
    work.hold()
    if Job.objects.filter(pk=work.job.pk, stop_asked_at__isnull=False).exists():
        return Outcome.STOPPED
    now, report = work.clock(), work.job.report
    readers, is_last = _next_readers(broadcast, now, report.get("after"), work.job.asked_at)
    refused = hashes_stopped(Suppression.Scope.BROADCASTS, now=now)
    mails = [
        _mail(broadcast, reader, now)
        for reader in readers
        if not refused or hash_of_address(reader.email) not in refused
    ]
    Message.objects.bulk_create(mails, batch_size=BATCH, ignore_conflicts=True)
    nudge_after_commit()
    done = work.job.done + len(mails)
    # Who has given the place back meanwhile gets nothing: there may be fewer than were counted.
    total = done if is_last else max(work.job.total, done)
    after = readers[-1].mark if readers else report.get("after")
    asked = work.advance(done=done, total=total, report={**report, "after": after})
    if is_last:
        return Outcome.DONE
    return Outcome.STOPPED if asked else None


def _next_readers(
    broadcast: Broadcast, now: dt.datetime, after: int | str | None, known_by: dt.datetime
) -> tuple[Sequence[Reader], bool]:
    found: list[Reader] = []
    for reader in readers_of(segment_of(broadcast), now=now, after=after, known_by=known_by):
        if len(found) == BATCH:
            return found, False
        found.append(reader)
    return found, True


def segment_of(broadcast: Broadcast) -> Segment:
    said = broadcast.segment
    return Segment(broadcast.festival, broadcast.territory, Who(said["who"]), said["part"])


def _mail(broadcast: Broadcast, reader: Reader, now: dt.datetime) -> Message:
    name = reader.visitor_id or f"h{hash_of_address(reader.email)[:24]}"
    return Message(
        kind=Message.Kind.BROADCAST,
        dedupe_key=f"broadcast:{broadcast.pk}:{name}",
        recipient=reader.email,
        locale=reader.locale,
        priority=PRIORITY[Message.Kind.BROADCAST],
        broadcast=broadcast,
        visitor_id=reader.visitor_id,
        registration_id=reader.registration_id,
        territory_id=broadcast.territory_id or reader.territory_id,
        message_id=new_message_id(),
        next_attempt_at=after_the_night(now, broadcast.festival, reader.zone),
        expires_at=broadcast.created_at + LASTS,
        created_at=now,
    )


# Not at night -----------------------------------------------------------------------------------------------


def after_the_night(now: dt.datetime, festival: Festival, zone: str) -> dt.datetime:
    """``now``, or the end of the edition's quiet hours on the clock of ``zone`` while they last."""
    return QuietHours(festival.quiet_from, festival.quiet_until).after(now, zone)


def rest_at_night(now: dt.datetime) -> int:
    """Put off what is due of bulk messages where the night has begun meanwhile: how many mails."""
    due = Message.objects.filter(
        kind=Message.Kind.BROADCAST, status=Message.Status.PENDING, next_attempt_at__lte=now
    )
    nights = due.order_by().values_list("broadcast__festival", "territory", "territory__timezone").distinct()
    festivals = Festival.objects.in_bulk({festival for festival, _territory, _zone in nights})
    put_off = 0
    for festival, territory, zone in nights:
        morning = after_the_night(now, festivals[festival], zone or HOME_ZONE)
        if morning > now:
            here = due.filter(broadcast__in=Broadcast.objects.filter(festival=festival).values("pk"))
            put_off += here.filter(territory=territory).update(next_attempt_at=morning)
    return put_off
