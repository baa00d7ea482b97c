"""Whether mail flows, and who is told when it does not.

Every half minute a sweep looks (``look_after_mail``): what holds mail up is noted, after two minutes it is an
error in the log and one POST to ``ALERT_URL``, again every hour while it lasts; once mail flows again, the
organisers whose mails were late are written to. When the sweeps themselves have stopped nobody looks: pages
and ``/metrics`` ask for themselves (``how_mail_does``), and ``/readyz``, which somebody asks all the time,
tells in their stead.
"""

from __future__ import annotations

import datetime as dt
import http.client
import json
import logging
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, Min, Q, Subquery
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from events.mail.desk_wishes import who_wants
from events.mail.heartbeat import last
from events.mail.outbox import owe
from events.models import FestivalTeam, Heartbeat, Message, RelayState, Territory, TerritoryTeam

logger = logging.getLogger(__name__)

PATIENCE = dt.timedelta(minutes=2)
"""Without progress for so long, mail is held up."""
STILL = dt.timedelta(minutes=1)
"""Nothing has moved for so long: the first look notes it, so that a later one can be sure."""
SILENT = dt.timedelta(minutes=10)
"""Sweeps may be so far apart while nothing is due: where ``drain_outbox --once`` is a cron job."""
AGAIN_AFTER = dt.timedelta(hours=1)
POST_PATIENCE = 3.0
"""Seconds for each step of the POST to ``ALERT_URL``."""
POST_LASTS = 5.0
"""Seconds after which the sweep goes on, however slowly the answer drips."""

Status, Kind = Message.Status, Message.Kind


class Why:
    """What holds mail up, most telling first."""

    RELAY = "relay"
    SWEEPS = "sweeps"
    LATE = "late"


WHY_WORDS = {
    Why.RELAY: _("The mail relay is at fault: it is tried again by itself."),
    Why.SWEEPS: _("The sweeps that send mail have stopped: start worker and beat, or the life-boat."),
    Why.LATE: _("Mails are due and none moves."),
}


@dataclass(frozen=True, slots=True)
class MailHealth:
    """How mail does at ``now``. ``since``: since when nothing moves that should; None while all is well.

    ``due``: how many should have left; ``oldest_due_at``: since when the oldest of them should have.
    """

    now: dt.datetime
    since: dt.datetime | None
    why: str
    due: int
    oldest_due_at: dt.datetime | None
    last_sent_at: dt.datetime | None
    relay_reason: str
    paused_until: dt.datetime | None
    alerted_at: dt.datetime | None

    @property
    def is_held_up(self) -> bool:
        return self.since is not None and self.now - self.since >= PATIENCE

    @property
    def why_words(self) -> Any:
        return WHY_WORDS.get(self.why, "")


def how_mail_does(now: dt.datetime) -> MailHealth:
    """Looks and changes nothing; one question to the database, as every page of the desk asks it."""
    relay = _relay(now)
    why = _why(relay, now)
    return MailHealth(
        now=now,
        since=_since(why, relay, now),
        why=why,
        due=relay.due or 0,
        oldest_due_at=relay.oldest_due,
        last_sent_at=relay.last_sent_at,
        relay_reason=relay.reason,
        paused_until=relay.paused_until if relay.paused_until and relay.paused_until > now else None,
        alerted_at=relay.alerted_at,
    )


def _relay(now: dt.datetime) -> Any:
    """The relay's row with what there is to do, what is being done and when the sweep last ran."""
    pending = Message.objects.filter(status=Status.PENDING).order_by()
    due = pending.filter(next_attempt_at__lte=now).values("status")
    begun = Message.objects.filter(
        status=Status.SENDING, lease_until__gt=now, data_started_at__gt=now - STILL
    )
    asked = {
        "due": Subquery(due.annotate(n=Count("pk")).values("n")),
        "oldest_due": Subquery(due.annotate(at=Min("next_attempt_at")).values("at")),
        "is_waited_for": Exists(pending),
        "is_sending": Exists(begun),
        "swept_at": Subquery(Heartbeat.objects.filter(name="deliver_due").values("at")),
    }
    found = RelayState.objects.filter(pk=1).annotate(**asked).first()
    if found is not None:
        return found
    # Nobody has looked yet, no mail has ever left, nor was the relay ever at fault.
    of_the_mail = due.aggregate(due=Count("pk"), oldest_due=Min("next_attempt_at"))
    state = RelayState(pk=1)
    for name, value in of_the_mail.items():
        setattr(state, name, value)
    state.is_waited_for, state.is_sending = pending.exists(), begun.exists()  # type: ignore[attr-defined]
    state.swept_at = last("deliver_due")  # type: ignore[attr-defined]
    return state


def _why(relay: Any, now: dt.datetime) -> str:
    """What holds mail up now; empty when nothing does."""
    if relay.failures and relay.is_waited_for:
        return Why.RELAY
    if _moves(relay, now):
        return ""
    is_late = relay.oldest_due is not None and relay.oldest_due <= now - STILL
    if relay.swept_at is not None and relay.swept_at < now - (PATIENCE if is_late else SILENT):
        return Why.SWEEPS
    return Why.LATE if is_late else ""


def _moves(relay: Any, now: dt.datetime) -> bool:
    """Something left, or is leaving. A run of many mails notes its success only at its end."""
    return relay.is_sending or (relay.last_sent_at is not None and relay.last_sent_at > now - STILL)


def _since(why: str, relay: Any, now: dt.datetime) -> dt.datetime | None:
    """As the watch noted it; before it did, as far as the rows tell."""
    if not why:
        return None
    if relay.stuck_since is not None:
        return relay.stuck_since  # type: ignore[no-any-return]
    is_late = relay.oldest_due is not None and relay.oldest_due <= now - STILL
    if why == Why.RELAY and not is_late:
        return now
    return relay.oldest_due if is_late else relay.swept_at  # type: ignore[no-any-return]


# The sweep --------------------------------------------------------------------------------------------------


def look_after_mail(now: dt.datetime, *, waits: float = POST_LASTS) -> MailHealth:
    """Note what holds mail up, tell it once it has lasted, tell its end. Safe to run beside itself.

    ``waits``: seconds in which the POST may be answered before this goes on; it is made in any case.
    """
    RelayState.objects.get_or_create(pk=1)  # from the first look on, pages ask one question
    health = how_mail_does(now)
    if health.since is None:
        _note_that_it_flows(now)
        return health
    if RelayState.objects.filter(pk=1, stuck_since=None).update(stuck_since=health.since, alerted_at=None):
        return health  # one look may be wrong: the next one tells
    untold = Q(alerted_at=None) | Q(alerted_at__lte=now - AGAIN_AFTER)
    # Whoever wins this update tells it: two sweeps beside each other tell it once.
    if health.is_held_up and RelayState.objects.filter(untold, pk=1).update(alerted_at=now):
        logger.error(
            "Mail has been held up since %s (%s): %s due", _iso(health.since), health.why, health.due
        )
        _post(
            state="held up",
            since=health.since,
            now=now,
            late=health.due,
            why=health.why,
            text=f"Mail of {settings.SITE_URL} is held up since {_iso(health.since)} ({health.why}): "
            f"{health.due} due.",
            waits=waits,
        )
    return health


def _note_that_it_flows(now: dt.datetime) -> None:
    state = RelayState.objects.filter(pk=1, stuck_since__isnull=False).first()
    if state is None or state.stuck_since is None:
        return
    with transaction.atomic():
        mine = RelayState.objects.filter(pk=1, stuck_since=state.stuck_since)
        if not mine.update(stuck_since=None, alerted_at=None) or state.alerted_at is None:
            return  # another sweep has told it, or it was too short to tell
        late = _late_by_territory(state.stuck_since, now)
        _owe_the_organisers(late, state.stuck_since, now)
    number = sum(late.values())
    logger.warning("Mail flows again: held up from %s, %s late", _iso(state.stuck_since), number)
    _post(
        state="flows",
        since=state.stuck_since,
        now=now,
        late=number,
        why="",
        text=f"Mail of {settings.SITE_URL} flows again; it was held up since {_iso(state.stuck_since)}, "
        f"{number} late.",
    )


def _late_by_territory(since: dt.datetime, now: dt.datetime) -> dict[int | None, int]:
    """How many left late, or are still about to, by territory (None: of none)."""
    waits = Q(status=Status.PENDING, next_attempt_at__lte=now - STILL)
    left = Q(status=Status.SENT, sent_at__gte=since) & Q(sent_at__gte=F("next_attempt_at") + STILL)
    rows = Message.objects.filter(waits | left).order_by()
    return {row["territory"]: row["number"] for row in rows.values("territory").annotate(number=Count("pk"))}


def _owe_the_organisers(late: dict[int | None, int], since: dt.datetime, now: dt.datetime) -> None:
    """One mail to each organiser: of a territory about its own, of a national team about all."""
    told: set[int] = set()
    named = {territory: number for territory, number in late.items() if territory is not None}
    everything = sum(late.values())
    national = {row.user for row in FestivalTeam.objects.select_related("user").filter(user__is_active=True)}
    for person in who_wants(national, Kind.MAIL_STUCK, now=now) if everything else ():
        told.add(person.pk)
        _owe_one(person, everything, None, since, now)
    team = TerritoryTeam.objects.filter(territory__in=named, user__is_active=True).select_related(
        "user", "territory"
    )
    wanting = {person.pk for person in who_wants({row.user for row in team}, Kind.MAIL_STUCK, now=now)}
    for row in sorted(team, key=lambda row: -named[row.territory_id]):
        if row.user_id in wanting and row.user_id not in told:
            told.add(row.user_id)
            _owe_one(row.user, named[row.territory_id], row.territory, since, now)


def _owe_one(
    person: User, late: int, territory: Territory | None, since: dt.datetime, now: dt.datetime
) -> None:
    about: dict[str, Any] = {
        "reader": person.pk,
        "since": since.isoformat(),
        "until": now.isoformat(),
        "late": late,
    }
    owe(
        kind=Kind.MAIL_STUCK,
        dedupe_key=f"{Kind.MAIL_STUCK}:{person.pk}:{since.isoformat()}",
        recipient=person.email,
        locale=person.locale,
        now=now,
        territory=territory,
        context={**about, "territory": territory.pk} if territory is not None else about,
        expires_at=now + dt.timedelta(days=1),
    )


# Somebody else's pager --------------------------------------------------------------------------------------


def _post(
    *,
    state: str,
    text: str,
    since: dt.datetime,
    now: dt.datetime,
    late: int,
    why: str,
    waits: float = POST_LASTS,
) -> None:
    """One POST of a few figures to ``ALERT_URL``, if it is set; no address, no name. Never raises."""
    if not settings.ALERT_URL:
        return
    said = {
        "text": text,  # what chat servers show
        "site": settings.SITE_URL,
        "state": state,
        "why": why,
        "since": _iso(since),
        "at": _iso(now),
        "late": late,
    }
    telling = threading.Thread(target=_post_json, args=(settings.ALERT_URL, said), daemon=True)
    telling.start()
    telling.join(waits)


def _post_json(url: str, said: dict[str, Any]) -> None:
    """To the operator's own address: no redirect is followed."""
    try:
        status = _status_of_post(url, said)
    except (OSError, http.client.HTTPException, ValueError) as error:
        logger.warning("ALERT_URL could not be told: %s", type(error).__name__)
        return
    if status >= 300:
        logger.warning("ALERT_URL answered %s", status)


def _status_of_post(url: str, said: dict[str, Any]) -> int:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=POST_PATIENCE)
    try:
        path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        connection.request("POST", path, json.dumps(said), {"Content-Type": "application/json"})
        return connection.getresponse().status
    finally:
        connection.close()


def _iso(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="seconds")
