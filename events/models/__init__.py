"""Fields, what must always hold, and words for asking. No rules live here."""

from .activity import Activity
from .choices import LOCALES, Access, Audience, Format, Language, Mode, Theme, Weekday
from .festival import (
    ArchiveEntry,
    Commune,
    Festival,
    FestivalTeam,
    Programme,
    ReminderRule,
    Territory,
    TerritoryTeam,
    in_reader_language,
)
from .host import Host, HostMember
from .message import Heartbeat, JournalEntry, KeptMail, Message, RateCount, RelayState, Suppression
from .registration import ApiToken, ErasedCount, Registration, Visitor
from .slot import Slot
from .venue import OpeningHours, Room, RoomOccupancy, Venue, VenueManager

__all__ = [
    "LOCALES",
    "Access",
    "Activity",
    "ApiToken",
    "ArchiveEntry",
    "Audience",
    "Commune",
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
    "OpeningHours",
    "Programme",
    "RateCount",
    "Registration",
    "RelayState",
    "ReminderRule",
    "Room",
    "RoomOccupancy",
    "Slot",
    "Suppression",
    "Territory",
    "TerritoryTeam",
    "Theme",
    "Venue",
    "VenueManager",
    "Visitor",
    "Weekday",
    "in_reader_language",
]
