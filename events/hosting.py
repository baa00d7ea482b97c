"""What a host does on its own: open a door, say who it is, invite its people, write its activities.

Who may call a rule is decided where the host or the activity is fetched (``managed_by``). Moderation is
elsewhere (``events.moderation``), times and rooms too (``events.scheduling``).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.files.base import ContentFile
from django.db import models, transaction
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.models import User
from events.folding import fold
from events.mail.invitation import INVITATION_LASTS, owe_invitation
from events.models import Activity, Commune, Company, Host, HostMember, JournalEntry, Slot, Venue, VenueMerge
from events.refusals import Reason, Refused

TEXTS = (
    *("title_fr", "title_en", "description_fr", "description_en", "theme", "audience", "minimum_age"),
    *("languages", "access", "meeting_point", "room_needs"),
)
"""What a host may still change once an activity is published."""

RESERVED = {"nouveau", "rejoindre", "activites", "creneaux", "doublons"}
"""Words that are pages of the desks, so nobody's address."""

INVITATION = "events.hosting.invitation"


# A host -----------------------------------------------------------------------------------------------------


def open_host(*, by: User, values: dict[str, Any], logo: ContentFile | None = None) -> Host:
    """Create a host and make its creator its first member. ``values``: fields of ``Host``, already clean."""
    with transaction.atomic():
        host = Host(**values, slug=free_slug(Host, values["name"]))
        if not host.contact_email:
            host.contact_email = by.email
        if logo is not None:
            host.logo.save(logo.name or "logo", logo, save=False)
        host.save()
        HostMember.objects.create(host=host, user=by)
    return host


def change_host(
    *,
    host_id: int,
    values: dict[str, Any],
    siren: str = "",
    logo: ContentFile | None = None,
    drop_logo: bool = False,
) -> Host:
    """Change what a host says of itself; its address stays. A new logo, or ``drop_logo``, takes the old file
    away; another number, what the register said of the one before.
    """
    with transaction.atomic():
        host = Host.objects.select_for_update().get(pk=host_id)
        old = host.logo.name
        was = (host.name, host.city)
        for name, value in values.items():
            setattr(host, name, value)
        if logo is not None:
            host.logo.save(logo.name or "logo", logo, save=False)
        elif drop_logo:
            host.logo = ""
        host.save()
        Company.objects.filter(host=host).exclude(siren=siren).delete()
        if siren:
            Company.objects.get_or_create(host=host, defaults={"siren": siren})
        if old and host.logo.name != old:
            transaction.on_commit(lambda: host.logo.storage.delete(old))
        if (host.name, host.city) != was:
            for activity in host.activities.select_related("host", "territory", "venue__commune"):
                activity.save(update_fields=["search_text"])
    return host


# Its people -------------------------------------------------------------------------------------------------


def invite_member(*, host_id: int, email: str, by: User, now: dt.datetime) -> None:
    """Owe somebody a mail with a link to join the host; the answer is alike whether the address has an
    account.

    The link is for that address alone and lasts 14 days; one mail an hour to one address.
    """
    host = Host.objects.get(pk=host_id)
    email = email.strip().lower()
    token = signing.dumps({"host": host.pk, "email": email}, salt=INVITATION, compress=True)
    words = {
        "host": host.name,
        "by": str(by),
        "url": f"{settings.SITE_URL}{reverse('events:host_join', args=[token])}",
    }
    with transaction.atomic(), override(by.locale):
        owe_invitation(
            key=f"invite:{host.pk}",
            email=email,
            subject=_("%(host)s invites you to its desk") % {"host": host.name},
            template="events/host/invitation.txt",
            words=words,
            by=by,
            now=now,
        )


def read_invitation(token: str) -> tuple[Host, str] | None:
    """The host and the address an invitation was for; None when it is forged, too old, or its host gone."""
    try:
        said = signing.loads(token, salt=INVITATION, max_age=INVITATION_LASTS)
        return Host.objects.get(pk=said["host"]), said["email"]
    except (signing.BadSignature, Host.DoesNotExist):
        return None


def join_host(*, host_id: int, user: User) -> None:
    """Make a person a member; once is enough."""
    HostMember.objects.get_or_create(host_id=host_id, user=user)


def remove_member(*, host_id: int, member_id: int) -> None:
    """Take a person out of a host. Raises ``Refused(LAST_MEMBER)``, ``HostMember.DoesNotExist``."""
    with transaction.atomic():
        Host.objects.select_for_update().get(pk=host_id)
        member = HostMember.objects.get(pk=member_id, host_id=host_id)
        if HostMember.objects.filter(host_id=host_id).count() == 1:
            raise Refused(Reason.LAST_MEMBER)
        member.delete()


# Its activities ---------------------------------------------------------------------------------------------


def draft_activity(*, host: Host, values: dict[str, Any], by: User) -> Activity:
    """Write a new draft. ``values``: fields of ``Activity``, already clean, its festival among them."""
    with transaction.atomic():
        activity = Activity(
            **values,
            host=host,
            territory_id=host.territory_id,
            slug=free_slug(Activity, values["title_fr"]),
            created_by=by,
        )
        activity.save()
    return activity


def change_activity(*, activity_id: int, values: dict[str, Any], by: User, now: dt.datetime) -> Activity:
    """Change a draft, or the texts of what is published (the journal says which).

    Another place of the activity is the place of its slots that no organiser has put into a room. Raises
    ``Refused(WRONG_STATE)`` while it is in the organisers' hands, rejected or cancelled, and when something
    other than ``TEXTS`` of a published activity would change.
    """
    with transaction.atomic():
        activity = lock_in_hand(activity_id)
        changed = [name for name, value in values.items() if getattr(activity, name) != value]
        is_public = activity.state == Activity.State.PUBLISHED
        if is_public and not set(changed) <= set(TEXTS):
            raise Refused(Reason.WRONG_STATE, state=activity.state)
        if not changed:
            return activity
        for name in changed:
            setattr(activity, name, values[name])
        activity.save()
        if "venue" in changed:
            activity.slots.filter(room=None, state=Slot.State.DRAFT).update(venue=activity.venue)
        if is_public:
            JournalEntry.objects.create(
                at=now, actor=by, verb="edited", activity=activity, text=", ".join(sorted(changed))
            )
    return activity


def delete_draft(*, activity_id: int) -> None:
    """Delete an activity that nobody outside has seen. Raises ``Refused(WRONG_STATE)`` once published."""
    with transaction.atomic():
        activity = Activity.objects.select_for_update().get(pk=activity_id)
        never_seen = activity.state in (Activity.State.DRAFT, Activity.State.CHANGES_REQUESTED)
        if not never_seen or activity.published_at is not None:
            raise Refused(Reason.WRONG_STATE, state=activity.state)
        activity.delete()


def delete_draft_slot(*, slot_id: int) -> None:
    """Delete a slot that was never published. Raises ``Refused(WRONG_STATE)``, also while it is being
    moderated.
    """
    with transaction.atomic():
        slot = Slot.objects.get(pk=slot_id)
        lock_in_hand(slot.activity_id)
        if not Slot.objects.filter(pk=slot_id, state=Slot.State.DRAFT).exists():
            raise Refused(Reason.WRONG_STATE, state=slot.state)
        slot.delete()


def lock_in_hand(activity_id: int) -> Activity:
    """The activity, its row locked, if its host may change it now. Raises ``Refused(WRONG_STATE)``."""
    activity = Activity.objects.select_for_update().get(pk=activity_id)
    if not activity.may_be_edited:
        raise Refused(Reason.WRONG_STATE, state=activity.state)
    return activity


def own_place(*, host: Host, address: str, postcode: str) -> Venue:
    """The host's own premises as a venue of its territory, made the first time; to be verified by the
    organisers. One that the organisers have made one with another venue is that venue.
    """
    mark = f"host:{host.pk}"
    merge = (
        VenueMerge.objects.filter(
            was__external_id=mark, was__address=address, into__territory=host.territory_id
        )
        .select_related("into")
        .first()
    )
    if merge is not None:
        return merge.into
    commune = Commune.objects.filter(territory=host.territory_id, folded_name=fold(host.city)[:80]).first()
    with transaction.atomic():
        place, _made = Venue.objects.get_or_create(
            territory_id=host.territory_id,
            external_id=mark,
            address=address,
            defaults={
                "name": host.name,
                "slug": free_slug(Venue, host.name),
                "postcode": postcode,
                "commune": commune,
            },
        )
    return place


def free_slug(model: type[models.Model], text: str) -> str:
    """A word for the address of a page that no row of the model has, nor a venue that became another."""
    field = model._meta.get_field("slug")
    most = (getattr(field, "max_length", None) or 100) - 5
    stem = slugify(text)[:most].strip("-") or model.__name__.lower()
    number, word = 1, stem
    models_there = [model, VenueMerge] if model is Venue else [model]
    while word in RESERVED or any(
        there._default_manager.filter(slug=word).exists() for there in models_there
    ):
        number += 1
        word = f"{stem}-{number}"
    return word
