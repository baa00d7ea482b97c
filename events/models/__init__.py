"""Fields, what must always hold, and words for asking. No rules live here."""

from .activity import Activity
from .ballot import Ballot, BallotEntry, BallotWish
from .choices import LOCALES, Access, Audience, Format, Language, Mode, Shield, Theme, Weekday
from .festival import (
    ArchiveEntry,
    Commune,
    Festival,
    FestivalTeam,
    Opening,
    Programme,
    ReminderRule,
    Territory,
    TerritoryTeam,
    in_reader_language,
)
from .host import Host, HostMember
from .message import Heartbeat, JournalEntry, KeptMail, Message, RateCount, RelayState, Suppression
from .registration import ApiToken, ErasedCount, Overtaking, Registration, Visitor
from .slot import Pool, Slot
from .venue import OpeningHours, Room, RoomOccupancy, Venue, VenueManager
from .webhook import Delivery, Webhook

__all__ = [
    "LOCALES",
    "Access",
    "Activity",
    "ApiToken",
    "ArchiveEntry",
    "Audience",
    "Ballot",
    "BallotEntry",
    "BallotWish",
    "Commune",
    "Delivery",
    "ErasedCount",
    "Festival",
    "FestivalTeam",
    "Format",
    "Heartbeat",
    "Host",
    "HostMember",
    "JournalEntry",
    "KeptMail",
    "Language",
    "Message",
    "Mode",
    "Opening",
    "OpeningHours",
    "Overtaking",
    "Pool",
    "Programme",
    "RateCount",
    "Registration",
    "RelayState",
    "ReminderRule",
    "Room",
    "RoomOccupancy",
    "Shield",
    "Slot",
    "Suppression",
    "Territory",
    "TerritoryTeam",
    "Theme",
    "Venue",
    "VenueManager",
    "Visitor",
    "Webhook",
    "Weekday",
    "in_reader_language",
]
