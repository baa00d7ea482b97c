"""A mail to each person of a desk, under a key that names the desk, the person and the day."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from events.mail.desk_wishes import who_wants
from events.mail.outbox import PRIORITY, new_message_id, nudge_after_commit
from events.models import FestivalTeam, Host, HostMember, Message, Territory, TerritoryTeam

BATCH = 500


@dataclass(frozen=True, slots=True)
class Debt:
    """``desk``: « host:12 », « territory:3 » or what else it is about; ``about``: the context, beside the
    reader."""

    desk: str
    territory_id: int
    reader: User
    about: dict[str, Any]


def owe_desks(
    kind: Message.Kind,
    debts: Iterable[Debt],
    *,
    day: dt.date,
    now: dt.datetime,
    expires_at: dt.datetime,
    send_at: dt.datetime | None = None,
) -> int:
    """Owe them, inside a transaction: how many were asked for; a second debt under the same key is none."""
    mails = [
        Message(
            kind=kind,
            dedupe_key=f"{kind}:{debt.desk}:{debt.reader.pk}:{day.isoformat()}",
            recipient=debt.reader.email,
            locale=debt.reader.locale,
            priority=PRIORITY.get(kind, 7),
            territory_id=debt.territory_id,
            context={**debt.about, "reader": debt.reader.pk},
            message_id=new_message_id(),
            next_attempt_at=send_at or now,
            expires_at=expires_at,
            created_at=now,
        )
        for debt in debts
    ]
    if mails:
        Message.objects.bulk_create(mails, batch_size=BATCH, ignore_conflicts=True)
        nudge_after_commit()
    return len(mails)


def hosts_debts(kind: Message.Kind, about: dict[int, dict[str, Any]], now: dt.datetime) -> list[Debt]:
    """One for each person who speaks for a host and wants it. ``about``: the context by host."""
    readers = _readers(HostMember, "host_id", about, kind, now)
    territories = dict(Host.objects.filter(pk__in=list(about)).values_list("pk", "territory_id"))
    return [
        Debt(f"host:{host}", territories[host], reader, {**about[host], "host": host})
        for host in sorted(readers)
        for reader in readers[host]
    ]


def territories_debts(kind: Message.Kind, about: dict[int, dict[str, Any]], now: dt.datetime) -> list[Debt]:
    """One for each organiser of a territory who wants it. ``about``: the context by territory."""
    readers = _readers(TerritoryTeam, "territory_id", about, kind, now)
    return [
        Debt(f"territory:{territory}", territory, reader, {**about[territory], "territory": territory})
        for territory in sorted(readers)
        for reader in readers[territory]
    ]


def teams_debts(
    kind: Message.Kind, territory: Territory, about: dict[str, Any], now: dt.datetime
) -> list[Debt]:
    """One for each of the national teams of a territory that has no organiser who wants it."""
    editions = dict.fromkeys(territory.festivals.order_by("pk").values_list("pk", flat=True), about)
    readers = _readers(FestivalTeam, "festival_id", editions, kind, now)
    people = {reader.pk: reader for found in readers.values() for reader in found}
    return [
        Debt(f"territory:{territory.pk}", territory.pk, people[pk], {**about, "territory": territory.pk})
        for pk in sorted(people)
    ]


def _readers(
    roles: Any, desk: str, desks: Collection[int], kind: Message.Kind, now: dt.datetime
) -> dict[int, list[User]]:
    """By desk, those who can still sign in and want this kind of mail."""
    rows = list(
        roles.objects.filter(**{f"{desk}__in": list(desks)}, user__is_active=True)
        .select_related("user")
        .order_by("user")
    )
    wanting = {
        person.pk for person in who_wants({row.user_id: row.user for row in rows}.values(), kind, now=now)
    }
    readers: dict[int, list[User]] = defaultdict(list)
    for row in rows:
        if row.user_id in wanting:
            readers[getattr(row, desk)].append(row.user)
    return readers
