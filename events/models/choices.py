"""Closed lists of the field's words. English in the code, French on the screen through the catalogue."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Format(models.TextChoices):
    OPEN_HOUSE = "open_house", _("Open house")
    GUIDED_TOUR = "guided_tour", _("Guided tour")
    DEMO = "demo", _("Demonstration")
    WORKSHOP = "workshop", _("Workshop")
    TALK = "talk", _("Talk")
    PITCH = "pitch", _("Pitches")
    MEETUP = "meetup", _("Meet-up")
    NETWORKING_DRINKS = "networking_drinks", _("Networking drinks")
    BREAKFAST = "breakfast", _("Breakfast")
    JOB_DATING = "job_dating", _("Job dating")
    OTHER = "other", _("Other")


class Theme(models.TextChoices):
    SOFTWARE = "software", _("Software and data")
    AI = "ai", _("Artificial intelligence")
    HEALTH = "health", _("Health")
    CLIMATE = "climate", _("Climate and energy")
    FOOD = "food", _("Food and farming")
    MOBILITY = "mobility", _("Mobility")
    SPACE = "space", _("Aeronautics and space")
    ROBOTICS = "robotics", _("Robotics and making")
    FINANCE = "finance", _("Finance and insurance")
    EDUCATION = "education", _("Education and work")
    CULTURE = "culture", _("Culture, games and media")
    COMMERCE = "commerce", _("Trade and services")
    CITY = "city", _("City and society")


class Mode(models.TextChoices):
    DROP_IN = "drop_in", _("Drop-in")
    FIRST_COME = "first_come", _("Booking required")
    BALLOT = "ballot", _("Ballot")


class Shield(models.TextChoices):
    """Whether a booking form asks for a proof of work (or, without script, for a confirmed address)."""

    OFF = "off", _("Never")
    AUTO = "auto", _("When somebody storms the doors")
    ON = "on", _("Always")


class Audience(models.TextChoices):
    EVERYONE = "everyone", _("Everyone")
    FAMILIES = "families", _("Families")
    SCHOOLS = "schools", _("School classes")
    STUDENTS = "students", _("Students")
    JOB_SEEKERS = "job_seekers", _("Job seekers")
    PROFESSIONALS = "professionals", _("Professionals")
    INVESTORS = "investors", _("Investors")


class Access(models.TextChoices):
    """The five accessibility codes of OpenAgenda's event format."""

    HI = "hi", _("Hearing impairment")
    VI = "vi", _("Visual impairment")
    PI = "pi", _("Psychic impairment")
    MI = "mi", _("Motor impairment")
    II = "ii", _("Intellectual impairment")


class Announced(models.TextChoices):
    """What became of an event, where its counters and its state do not say it themselves: statuses 2 to 4 of
    OpenAgenda's event format.
    """

    RESCHEDULED = "rescheduled", _("Rescheduled")
    MOVED_ONLINE = "moved_online", _("Moved online")
    POSTPONED = "postponed", _("Postponed")


class Language(models.TextChoices):
    FR = "fr", _("French")
    EN = "en", _("English")
    LSF = "lsf", _("French sign language")
    ES = "es", _("Spanish")
    DE = "de", _("German")
    IT = "it", _("Italian")
    OC = "oc", _("Occitan")


class Weekday(models.IntegerChoices):
    """Monday first (ISO 8601)."""

    MONDAY = 1, _("Monday")
    TUESDAY = 2, _("Tuesday")
    WEDNESDAY = 3, _("Wednesday")
    THURSDAY = 4, _("Thursday")
    FRIDAY = 5, _("Friday")
    SATURDAY = 6, _("Saturday")
    SUNDAY = 7, _("Sunday")


LOCALES = [("fr", "Français"), ("en", "English")]


class Equipment(models.TextChoices):
    """What a room has and a visit may need; the rest is said in words."""

    SCREEN = "screen", _("Screen or projector")
    SOUND = "sound", _("Microphone and loudspeakers")
    INDUCTION_LOOP = "induction_loop", _("Induction loop")
    WIFI = "wifi", _("Public Wi-Fi")
    TABLES = "tables", _("Tables")
    STAGE = "stage", _("Stage")
    BLACKOUT = "blackout", _("Can be darkened")
    KITCHEN = "kitchen", _("Kitchen or water point")
    POWER = "power", _("Sockets at the tables")
    WORKSHOP = "workshop", _("Workbench and tools")


class Level(models.TextChoices):
    """What a rule of the timetable does when it is broken."""

    REFUSE = "refuse", _("Refuse")
    AT_RELEASE = "at_release", _("Refuse at release")
    WARN = "warn", _("Warn")
    IGNORE = "ignore", _("Ignore")


class PlacingRule(models.TextChoices):
    """What else than a clash may be wrong with a placement."""

    CLOSED = "closed", _("Outside opening hours")
    TIGHT = "tight", _("More places than the room is comfortable with")
    EQUIPMENT = "equipment", _("Equipment missing")
    AWAY = "away", _("Somebody of the host is not available")
    WALK = "walk", _("Too little time to walk between two appearances")
