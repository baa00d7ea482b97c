"""Why a rule says no. Tests read the reason, pages show its label in the reader's language."""

from __future__ import annotations

from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Reason(TextChoices):
    FULL = "full", _("There are not enough places left.")
    CLOSED = "closed", _("Registration for this slot is closed.")
    NOT_OPEN_YET = "not_open_yet", _("Registration is not open yet.")
    NO_BOOKING_NEEDED = "no_booking_needed", _("This slot is drop-in: just come.")
    ALREADY_REGISTERED = "already_registered", _("This address already has a place in this slot.")
    OVERLAP = "overlap", _("This address already has a visit at that time.")
    DAY_LIMIT = "day_limit", _("That would be more visits in one day than one person may book.")
    FESTIVAL_LIMIT = "festival_limit", _("That would be more visits than one person may book.")
    LIMIT = "limit", _("That is more places than one person may hold.")
    NAME_NEEDED = "name_needed", _("The host asks for a name.")
    SUBMISSION_REUSED = "submission_reused", _("This form was already sent with other answers.")
    BUSY = "busy", _("Too many people at once. Please try again in a moment.")
    NOT_ACTIVE = "not_active", _("This registration is no longer active.")
    WRONG_STATE = "wrong_state", _("That can't be done from the present state.")
    REASON_NEEDED = "reason_needed", _("Please give a reason: it is sent to the people concerned.")
    NO_SLOT = "no_slot", _("Add at least one slot first.")
    INCOMPLETE = "incomplete", _("Something is still missing.")
    LAST_MEMBER = "last_member", _("Somebody has to stay: invite another person first.")
    ROOM_OCCUPIED = "room_occupied", _("The room is occupied at that time.")
    ROOM_TOO_SMALL = "room_too_small", _("The room may not hold that many people.")
    ROOM_CLOSED = "room_closed", _("The venue is closed at that time.")
    ROOM_ELSEWHERE = "room_elsewhere", _("That room belongs to another territory.")
    ROOM_NOT_IN_USE = "room_not_in_use", _("That room is not in use.")
    NO_SUCH_TIME = "no_such_time", _("Clocks skip that time on that day.")
    TIME_TWICE = "time_twice", _("That time exists twice on that day: say which one.")
    SAME_START = "same_start", _("This activity already has a slot that starts at that time.")
    IN_THE_PAST = "in_the_past", _("That time has passed.")
    PLACES_TAKEN = "places_taken", _("More places than that are already taken.")
    OFFER_OVER = "offer_over", _("This place was kept for a time that is over.")
    NOT_YET = "not_yet", _("That is not possible yet.")
    OTHER_ACTIVITY = "other_activity", _("That is another visit.")
    LINK_USED = "link_used", _("This link has been used or replaced.")
    POOL_TAKEN = "pool_taken", _("More places than that are already taken from this reserve.")
    NO_LIMIT = "no_limit", _("This slot has no limit of places.")
    NO_WISH = "no_wish", _("Choose at least one visit.")
    TOO_MANY_WISHES = "too_many_wishes", _("That is more wishes than one person may rank.")
    WISH_GONE = "wish_gone", _("One of these visits can no longer be won.")
    ENTRIES_CHANGED = "entries_changed", _("The entries are no longer those fixed at the closing.")
    SEED_LOST = "seed_lost", _("The seed is no longer the one promised: the site’s secret was changed.")
    HAS_BOOKINGS = "has_bookings", _("This activity already has bookings.")
    PERSON_BUSY = "person_busy", _("Somebody of the host receives visitors elsewhere at that time.")
    NAME_TAKEN = "name_taken", _("Somebody of this host already has that name.")
    RULE_BROKEN = "rule_broken", _("The rules of this edition do not allow that.")
    CHANGED_MEANWHILE = "changed_meanwhile", _("Somebody else has changed this meanwhile.")
    NOTHING_TO_UNDO = "nothing_to_undo", _("There is nothing to undo.")
    NOTHING_TO_RELEASE = "nothing_to_release", _("The draft changes nothing.")
    NOTHING_TO_CHANGE = "nothing_to_change", _("No slot to come is concerned.")
    ALREADY_ASKED = "already_asked", _("This slot has already asked for that room.")
    TOO_MANY_PICTURES = "too_many_pictures", _("That is as many pictures as a venue may have.")
    VENUE_ELSEWHERE = "venue_elsewhere", _("That venue belongs to another territory.")
    TOO_OFTEN = "too_often", _("That is as often as it may be done in a day.")
    NOBODY_TO_TELL = "nobody_to_tell", _("Nobody is concerned.")
    ON_REQUEST = "on_request", _("This room is given on request: its managers decide.")


class Refused(Exception):
    """A rule said no and nothing was changed.

    ``reason`` says why; ``facts`` hold what a page needs to name what is in the way and the ways out,
    for example ``places_left`` (int) or ``in_the_way`` (a list of occupancies).
    """

    def __init__(self, reason: Reason, **facts: Any) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.facts = facts
