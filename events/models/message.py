"""E-mails owed and what became of each: the database is the queue, Celery the nudge."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .activity import Activity
from .ballot import BallotEntry
from .choices import LOCALES
from .festival import Festival, Territory
from .registration import Registration, Visitor
from .slot import Slot


class MessageQuerySet(models.QuerySet["Message"]):
    def due(self, now: dt.datetime) -> MessageQuerySet:
        """Pending and not to be tried later, the urgent first."""
        return self.filter(status=Message.Status.PENDING, next_attempt_at__lte=now).order_by(
            "priority", "next_attempt_at", "pk"
        )


class Message(models.Model):
    """An e-mail owed to one address.

    Written in the transaction of what causes it. ``dedupe_key`` makes the cause earn it once:
    ``confirm:{registration}:{revision}``, ``remind:{registration}:{rule}:{slot}:{its revision}``.
    ``message_id`` is fixed here, so that a second handing-over after a crash carries the same (RFC 5322
    §3.6.4). Subject and bodies are empty unless the text was fixed when it was owed; else it is composed
    when it leaves.

    ``territory`` says in whose outbox it is seen, ``broadcast`` which bulk message it belongs to.
    ``data_started_at`` is committed just before the relay is given the content. ``handed_over`` counts the
    times
    that happened without an answer coming back: after the second the message is uncertain for good.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("To be sent")
        SENDING = "sending", _("Being sent")
        SENT = "sent", _("Sent")
        UNCERTAIN = "uncertain", _("Perhaps sent")
        FAILED = "failed", _("Refused by the address")
        CANCELLED = "cancelled", _("No longer needed")
        EXPIRED = "expired", _("Too late")
        SUPPRESSED = "suppressed", _("Not wanted")

    class Kind(models.TextChoices):
        CONFIRMATION = "confirmation", _("Confirmation")
        DAY = "day", _("A day confirmed")
        CONFIRM_DAY = "confirm_day", _("Address of a day to be confirmed")
        WAITING = "waiting", _("On the waiting list")
        CONFIRM_ADDRESS = "confirm_address", _("Address to be confirmed")
        CHOOSE = "choose", _("One of several visits to be chosen")
        OFFER = "offer", _("A place has come free")
        OFFER_OVER = "offer_over", _("An offer has run out")
        PASSED = "passed", _("Passed on the waiting list")
        LAST_CALL = "last_call", _("Last call for a place")
        MOVED = "moved", _("Visit moved to another time")
        NEW_ADDRESS = "new_address", _("New address to be confirmed")
        ADDRESS_CHANGED = "address_changed", _("Address changed")
        BALLOT_ENTERED = "ballot_entered", _("Ballot entered")
        BALLOT_WON = "ballot_won", _("Ballot won")
        BALLOT_LOST = "ballot_lost", _("Ballot lost")
        ALREADY_REGISTERED = "already_registered", _("Already registered")
        REDUCED = "reduced", _("Places given back")
        CANCELLATION = "cancellation", _("Visit given back")
        SLOT_CANCELLED = "slot_cancelled", _("Slot cancelled")
        SLOT_MOVED = "slot_moved", _("Slot moved")
        HOST_SLOTS_CHANGED = "host_slots_changed", _("A host’s slots changed")
        ROOM_ASKED = "room_asked", _("Room asked for")
        ROOM_ANSWERED = "room_answered", _("Request for a room answered")
        REMINDER = "reminder", _("Reminder")
        THANKS = "thanks", _("Thanks after the visit")
        SURVEY = "survey", _("Survey after the visit")
        BROADCAST = "broadcast", _("Bulk message")
        FOLLOW_CONFIRM = "follow_confirm", _("Following to be confirmed")
        FOLLOW_OPEN = "follow_open", _("What one follows has opened")
        FOLLOW_FREE = "follow_free", _("Places free again where one follows")
        HOST_DIGEST = "host_digest", _("A host’s day in figures")
        ORGANISER_DIGEST = "organiser_digest", _("A territory’s day in figures")
        DOOR_LIST = "door_list", _("Door list")
        NAG_DRAFT = "nag_draft", _("Draft not submitted")
        NAG_SLOTS = "nag_slots", _("Slots to be confirmed")
        MAIL_STUCK = "mail_stuck", _("Mail was held up")
        AGENDA_STUCK = "agenda_stuck", _("An agenda waits")
        LINK = "link", _("Link to one's visits")
        SUBMITTED = "submitted", _("Activity submitted")
        PUBLISHED = "published", _("Activity published")
        CHANGES_REQUESTED = "changes_requested", _("Changes requested")
        REJECTED = "rejected", _("Activity rejected")
        ACCOUNT = "account", _("Account")

    kind = models.CharField(_("kind"), max_length=24, choices=Kind)
    dedupe_key = models.CharField(max_length=160, unique=True)
    recipient = models.EmailField(_("to"), max_length=254)
    locale = models.CharField(_("language"), max_length=5, default="fr", choices=LOCALES)
    priority = models.PositiveSmallIntegerField(default=5)
    registration = models.ForeignKey(
        Registration, models.CASCADE, null=True, blank=True, related_name="messages"
    )
    slot = models.ForeignKey(Slot, models.CASCADE, null=True, blank=True, related_name="messages")
    activity = models.ForeignKey(
        Activity, models.CASCADE, null=True, blank=True, related_name="messages", db_index=False
    )
    visitor = models.ForeignKey(Visitor, models.CASCADE, null=True, blank=True, related_name="messages")
    ballot_entry = models.ForeignKey(
        BallotEntry, models.CASCADE, null=True, blank=True, related_name="messages", db_index=False
    )
    territory = models.ForeignKey(
        Territory, models.SET_NULL, null=True, blank=True, related_name="messages", db_index=False
    )
    broadcast = models.ForeignKey(
        "events.Broadcast", models.CASCADE, null=True, blank=True, related_name="messages", db_index=False
    )
    context = models.JSONField(default=dict, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    text_body = models.TextField(blank=True)
    html_body = models.TextField(blank=True)
    message_id = models.CharField(max_length=200, unique=True)
    status = models.CharField(_("status"), max_length=12, choices=Status, default=Status.PENDING)
    next_attempt_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    data_started_at = models.DateTimeField(null=True, blank=True)
    handed_over = models.PositiveSmallIntegerField(default=0)
    last_answer = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering: ClassVar = ["-created_at", "-pk"]
        indexes: ClassVar = [
            models.Index(
                fields=["priority", "next_attempt_at", "id"],
                name="message_due",
                condition=Q(status="pending"),
            ),
            # By key: a lease that is made longer then writes to no index (PostgreSQL's HOT update).
            models.Index(fields=["id"], name="message_leased", condition=Q(status="sending")),
            models.Index(fields=["recipient", "created_at"], name="message_of_an_address"),
            # Most mails are about none of these, and each index is written at every step of each mail.
            models.Index(
                fields=["activity"], name="message_of_an_activity", condition=Q(activity__isnull=False)
            ),
            models.Index(
                fields=["ballot_entry"], name="message_of_an_entry", condition=Q(ballot_entry__isnull=False)
            ),
            models.Index(
                fields=["broadcast"], name="message_of_a_broadcast", condition=Q(broadcast__isnull=False)
            ),
            models.Index(fields=["territory", "-created_at", "-id"], name="message_of_a_territory"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(status="sending") | Q(lease_token__isnull=False, lease_until__isnull=False),
                name="what_is_being_sent_is_leased",
            ),
            models.CheckConstraint(
                condition=~Q(status="sent") | Q(sent_at__isnull=False), name="a_sent_message_says_when"
            ),
        ]

    def __str__(self) -> str:
        return self.dedupe_key


class RelayState(models.Model):
    """How the mail relay does: one row. While ``paused_until`` lies ahead nothing is handed to it.

    ``minute`` and ``in_minute``: how many were claimed in the minute under way, where the relay takes only so
    many. ``stuck_since``: since when what is due has not moved; ``alerted_at``: when somebody was told so.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    paused_until = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    failures = models.PositiveIntegerField(default=0)
    last_sent_at = models.DateTimeField(null=True, blank=True)
    minute = models.DateTimeField(null=True, blank=True)
    in_minute = models.PositiveIntegerField(default=0)
    stuck_since = models.DateTimeField(null=True, blank=True)
    alerted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(id=1), name="there_is_one_relay")]

    def __str__(self) -> str:
        return "relay"


class Heartbeat(models.Model):
    """When a sweep last ran to its end."""

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class KeptMail(models.Model):
    """A mail kept on the site where no SMTP server is set, to be read on the outbox page."""

    message_id = models.CharField(max_length=200, blank=True)
    recipient = models.CharField(max_length=300)
    subject = models.CharField(max_length=300)
    source = models.TextField()
    kept_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-kept_at", "-pk"]

    def __str__(self) -> str:
        return self.subject


class Suppression(models.Model):
    """An address that gets none of some mails, kept as a hash only.

    Its owner said so, or the address does not take mail (a bounce), or its owner called it unwanted (a
    complaint). ``detail`` is the provider's word, without the address.
    """

    class Scope(models.TextChoices):
        REMINDERS = "reminders", _("Reminders, thanks and surveys")
        BROADCASTS = "broadcasts", _("Bulk messages")
        FOLLOWS = "follows", _("What one follows")
        DIGESTS = "digests", _("Digests for hosts and organisers")
        DOOR_LISTS = "door_lists", _("Door lists")
        NAGS = "nags", _("What is left undone")
        ALERTS = "alerts", _("What is stuck")
        ALL = "all", _("Everything")

    class Reason(models.TextChoices):
        UNSUBSCRIBED = "unsubscribed", _("Wanted by the reader")
        BOUNCED = "bounced", _("The address takes no mail")
        COMPLAINED = "complained", _("Called unwanted by the reader")
        BY_HAND = "by_hand", _("Entered by an organiser")

    email_hash = models.CharField(max_length=64)
    scope = models.CharField(max_length=12, choices=Scope, default=Scope.REMINDERS)
    reason = models.CharField(max_length=14, choices=Reason, default=Reason.UNSUBSCRIBED)
    detail = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["email_hash", "scope"], name="an_address_is_suppressed_once_in_a_scope"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email_hash[:12]} {self.scope}"


class DeliveryEvent(models.Model):
    """What a mail provider told of a mail afterwards: once, however often it tells it, and no address."""

    class Kind(models.TextChoices):
        BOUNCED = "bounced", _("Bounced")
        DEFERRED = "deferred", _("Delayed")
        REJECTED = "rejected", _("Refused by the provider")
        COMPLAINED = "complained", _("Called unwanted by the reader")
        UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
        DELIVERED = "delivered", _("Delivered")

    provider = models.CharField(max_length=30)
    event_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=14, choices=Kind)
    message = models.ForeignKey(Message, models.CASCADE, null=True, blank=True, related_name="events")
    email_hash = models.CharField(max_length=64)
    detail = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "event_id"], name="a_delivery_event_counts_once"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.kind} {self.event_id}"


class MailTemplate(models.Model):
    """What an edition says in its own words in one kind of mail and one language: subject and opening.

    Both hold placeholders (``{visit}``) of the kind's allow-list, put in once and as plain text. The visit
    itself, the links and the calendar file are the site's and stay whatever is written here.
    """

    festival = models.ForeignKey(Festival, models.CASCADE, related_name="mail_templates")
    kind = models.CharField(_("kind"), max_length=24, choices=Message.Kind)
    locale = models.CharField(_("language"), max_length=5, choices=LOCALES)
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    text = models.TextField(_("text"), max_length=4000, blank=True)
    updated_at = models.DateTimeField()
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("mail template")
        verbose_name_plural = _("mail templates")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["festival", "kind", "locale"], name="one_template_per_kind_and_language_of_an_edition"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.festival} {self.kind} {self.locale}"


class Broadcast(models.Model):
    """A message to a segment of an edition's visitors or hosts, as its organiser wrote and counted it.

    ``segment`` says who in the words of ``events.broadcasts``; ``counted`` is the number the organiser
    confirmed. The English text is optional: without it everybody reads the French one.
    """

    festival = models.ForeignKey(Festival, models.CASCADE, related_name="broadcasts")
    territory = models.ForeignKey(Territory, models.CASCADE, null=True, blank=True, related_name="broadcasts")
    segment = models.JSONField(default=dict)
    subject = models.CharField(_("subject"), max_length=200)
    text = models.TextField(_("text"), max_length=6000)
    subject_en = models.CharField(_("subject in English"), max_length=200, blank=True)
    text_en = models.TextField(_("text in English"), max_length=6000, blank=True)
    counted = models.PositiveIntegerField(default=0)
    job = models.OneToOneField("events.Job", models.SET_NULL, null=True, blank=True, related_name="broadcast")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("bulk message")
        verbose_name_plural = _("bulk messages")
        ordering: ClassVar = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.subject


class JournalEntry(models.Model):
    """Who did what, when: moderation, placing, withdrawing. Written by the rules."""

    at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    verb = models.CharField(max_length=40)
    activity = models.ForeignKey(Activity, models.CASCADE, null=True, blank=True, related_name="journal")
    slot = models.ForeignKey(Slot, models.CASCADE, null=True, blank=True, related_name="journal")
    text = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.verb} {self.at:%Y-%m-%d %H:%M}"


class RateCount(models.Model):
    """How often a peer, told by a hash, did something in a window of time."""

    key = models.CharField(max_length=64)
    window = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key", "window"], name="one_count_per_key_and_window")
        ]
        indexes: ClassVar = [models.Index(fields=["window"], name="rate_count_by_window")]

    def __str__(self) -> str:
        return f"{self.key[:12]} {self.count}"
