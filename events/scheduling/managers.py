"""Who decides about a room: appointed by e-mail, removed, and the secret link to the room's calendar.

Who may appoint is decided where the room is fetched (``Room.objects.managed_by``).
"""

from __future__ import annotations

import datetime as dt
import hmac

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.models import User
from events.links import new_nonce, token_from
from events.mail.invitation import INVITATION_LASTS, owe_invitation
from events.models import JournalEntry, Room, RoomManager

INVITATION = "events.scheduling.managers.invitation"


@transaction.atomic
def appoint_manager(*, room_id: int, email: str, by: User, now: dt.datetime) -> RoomManager | None:
    """Make who has an account with this address a manager of the room; invite who has none.

    Returns the manager, or None when an invitation went out: a link for that address alone, good for 14 days.
    Once is enough; one mail an hour to one address.
    """
    room = Room.objects.select_related("venue").get(pk=room_id)
    email = email.strip().lower()
    user = User.objects.filter(email__iexact=email, is_active=True).first()
    if user is not None:
        manager, is_new = RoomManager.objects.get_or_create(room=room, user=user)
        if is_new:
            _write_down("room_manager", room, by, now, str(user))
        return manager
    token = signing.dumps({"room": room.pk, "email": email}, salt=INVITATION, compress=True)
    words = {
        "room": room.name,
        "venue": room.venue.name,
        "by": str(by),
        "url": f"{settings.SITE_URL}{reverse('events:room_join', args=[token])}",
    }
    with override(by.locale):
        owe_invitation(
            key=f"invite-room:{room.pk}",
            email=email,
            subject=_("%(room)s, %(venue)s: you are asked to run it") % words,
            template="events/organiser/room_invitation.txt",
            words=words,
            by=by,
            now=now,
        )
    return None


def read_invitation(token: str) -> tuple[Room, str] | None:
    """The room and the address an invitation was for; None when it is forged, too old, or the room gone."""
    try:
        said = signing.loads(token, salt=INVITATION, max_age=INVITATION_LASTS)
        return Room.objects.select_related("venue__territory").get(pk=said["room"]), said["email"]
    except (signing.BadSignature, Room.DoesNotExist):
        return None


@transaction.atomic
def join_room(*, room_id: int, user: User, now: dt.datetime) -> RoomManager:
    """Whoever was invited becomes a manager; once is enough."""
    manager, is_new = RoomManager.objects.get_or_create(room_id=room_id, user=user)
    if is_new:
        _write_down("room_manager", manager.room, user, now, str(user))
    return manager


@transaction.atomic
def remove_manager(*, room_id: int, manager_id: int, by: User, now: dt.datetime) -> None:
    """Take a manager out of a room; the secret link of its calendar opens nothing any more.

    Raises ``RoomManager.DoesNotExist``.
    """
    manager = RoomManager.objects.select_related("user", "room__venue").get(pk=manager_id, room=room_id)
    manager.delete()
    Room.objects.filter(pk=room_id).exclude(calendar_nonce="").update(calendar_nonce=new_nonce())
    _write_down("room_manager_removed", manager.room, by, now, str(manager.user))


def renew_calendar_link(*, room_id: int) -> str:
    """A new secret link to the room's calendar, for who runs it; the old one opens nothing. Its token."""
    nonce = new_nonce()
    Room.objects.filter(pk=room_id).update(calendar_nonce=nonce)
    return _token(room_id, nonce)


def calendar_token(room: Room) -> str:
    """The token of the secret link to a room's calendar; empty when nobody has asked for one."""
    return _token(room.pk, room.calendar_nonce) if room.calendar_nonce else ""


def room_of_calendar(*, room_id: int, token: str) -> Room | None:
    """The room whose calendar this token opens, with venue and territory."""
    room = Room.objects.select_related("venue__territory", "venue__commune").filter(pk=room_id).first()
    if room is None or not room.calendar_nonce:
        return None
    return room if hmac.compare_digest(calendar_token(room).encode(), token.encode()) else None


def _token(room_id: int, nonce: str) -> str:
    return token_from(nonce, purpose=f"room-calendar:{room_id}")


def _write_down(verb: str, room: Room, by: User, now: dt.datetime, text: str) -> None:
    said = f"{room.name}, {room.venue.name} · {text}"
    JournalEntry.objects.create(at=now, actor=by, verb=verb, text=said)
