"""Secret links for visitors: 128 bits, derived from a nonce and the site's secret, hashed at rest.

The database holds the nonce and the hash of the token, never the token: who steals the database alone cannot
open a link, and a reminder sent weeks later carries the same link as the confirmation. A new nonce kills the
old link.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from functools import lru_cache

from django.conf import settings
from django.core import signing

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def new_nonce() -> str:
    """128 random bits as 32 hexadecimal signs."""
    return secrets.token_hex(16)


def token_from(nonce: str, *, purpose: str) -> str:
    """The link's token for one purpose: 22 URL-safe signs, 128 bits (HMAC-SHA-256, RFC 2104)."""
    return _token(settings.SECRET_KEY, f"{purpose}:{nonce}")


@lru_cache(maxsize=16)
def _token(secret: str, said: str) -> str:
    """Kept for a moment: a mail has several links of its reader."""
    mac = hmac.digest(secret.encode(), said.encode(), "sha256")
    return base64.urlsafe_b64encode(mac[:16]).decode().rstrip("=")


def key_from(nonce: str, *, purpose: str) -> bytes:
    """A secret shared with a partner's server for one purpose: 256 bits, derived like a token."""
    return hmac.digest(settings.SECRET_KEY.encode(), f"{purpose}:{nonce}".encode(), "sha256")


def hash_of(token: str) -> str:
    """What is kept of a token: SHA-256, 64 hexadecimal signs."""
    return hashlib.sha256(token.encode()).hexdigest()


def mailbox_of(email: str) -> str:
    """Where mail to an address arrives: lower case, without a +tag; at Gmail dots do not count either.

    For counting only, never for writing to: a provider may read the part after « + » otherwise (RFC 5233).
    """
    local, _at, domain = email.strip().lower().rpartition("@")
    local = local.partition("+")[0] or local
    if domain in ("gmail.com", "googlemail.com"):
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def new_reference() -> str:
    """A booking's short name, read aloud at the door: eight signs without 0, O, 1 and I, « RJ4K-7KDM »."""
    signs = "".join(secrets.choice(ALPHABET) for _ in range(8))
    return f"{signs[:4]}-{signs[4:]}"


def hash_of_address(email: str) -> str:
    """What is kept of an address that wants no more reminders: keyed by the site's secret, so it can't be
    guessed from a list of addresses. Letter case and outer spaces do not count.
    """
    said = f"address:{email.strip().lower()}".encode()
    return hmac.digest(settings.SECRET_KEY.encode(), said, "sha256").hex()


def reminders_token(visitor_id: int) -> str:
    """The token of the one-click « no more reminders » link (RFC 8058): does that alone, opens nothing."""
    return signing.Signer(salt="events.reminders_off").sign(str(visitor_id)).replace(":", ".")


def visitor_of_reminders_token(token: str) -> int | None:
    """The visitor such a token speaks for, or none when it was not made here."""
    try:
        said = signing.Signer(salt="events.reminders_off").unsign(token.replace(".", ":", 1))
    except signing.BadSignature:
        return None
    return int(said)


def desk_mails_token(user_id: int, scope: str) -> str:
    """The token of the one-click link that ends one kind of mail to a desk: does that alone, opens
    nothing."""
    return signing.Signer(salt="events.desk_mails_off").sign(f"{user_id}.{scope}").replace(":", ".")


def read_desk_mails_token(token: str) -> tuple[int, str] | None:
    """The account and the kind such a token speaks for, or none when it was not made here."""
    said, _dot, signature = token.rpartition(".")
    try:
        user_id, _dot, scope = (
            signing.Signer(salt="events.desk_mails_off").unsign(f"{said}:{signature}").partition(".")
        )
    except signing.BadSignature:
        return None
    return int(user_id), scope


def broadcasts_token(email: str) -> str:
    """The token of the one-click « no more messages to many » link: names the address by its hash alone."""
    return signing.Signer(salt="events.broadcasts_off").sign(hash_of_address(email)).replace(":", ".")


def hash_of_broadcasts_token(token: str) -> str | None:
    """The hash of the address such a token speaks for, or none when it was not made here."""
    try:
        return signing.Signer(salt="events.broadcasts_off").unsign(token.replace(".", ":", 1))
    except signing.BadSignature:
        return None


NEW_ADDRESS_LASTS = dt.timedelta(hours=24)


def new_address_token(visitor_id: int, link_nonce: str, email: str) -> str:
    """The token of the link by which a new address takes over a visitor's bookings. It says which address,
    so it must go nowhere else, and names the visitor's present link, so a new link kills it.
    """
    return signing.dumps([visitor_id, link_nonce[:8], email], salt="events.new_address")


def read_new_address_token(token: str) -> tuple[int, str, str]:
    """Visitor, beginning of its link's nonce, new address. Raises ``signing.BadSignature`` on a token that is
    too old or was not made here.
    """
    try:
        pk, nonce, email = signing.loads(token, salt="events.new_address", max_age=NEW_ADDRESS_LASTS)
    except (ValueError, TypeError) as error:
        raise signing.BadSignature from error
    return pk, nonce, email


def mask(email: str) -> str:
    """« ca…e@example.org »: enough to see a slip of the finger, not enough to write to."""
    local, _at, domain = email.rpartition("@")
    if len(local) < 4:
        return f"{local[:1]}…@{domain}"
    return f"{local[:2]}…{local[-1]}@{domain}"


def registration_token(registration_id: int) -> str:
    """The token of a link to one booking alone: what a partner gets, who must not see the visitor's
    others."""
    return signing.Signer(salt="events.one_registration").sign(str(registration_id)).replace(":", ".")


def registration_of_token(token: str) -> int | None:
    """The registration such a token opens, or none when it was not made here."""
    try:
        said = signing.Signer(salt="events.one_registration").unsign(token.replace(".", ":", 1))
    except signing.BadSignature:
        return None
    return int(said)


FOLLOW_CONFIRMED_WITHIN = dt.timedelta(hours=48)


def follow_token(follow_id: int) -> str:
    """The token of the link that confirms one follow: does that alone, for ``FOLLOW_CONFIRMED_WITHIN``."""
    return signing.TimestampSigner(salt="events.follow").sign(str(follow_id)).replace(":", ".")


def read_follow_token(token: str) -> int:
    """The follow it confirms. Raises ``signing.BadSignature`` on a token too old or not made here."""
    signed = token.replace(".", ":", 2)
    said = signing.TimestampSigner(salt="events.follow").unsign(signed, max_age=FOLLOW_CONFIRMED_WITHIN)
    return int(said)


def follows_token(follower_id: int) -> str:
    """The token of the page of all that an address follows: shows and stops that, opens nothing else."""
    return signing.Signer(salt="events.follows").sign(str(follower_id)).replace(":", ".")


def follower_of_token(token: str) -> int | None:
    """The follower such a token speaks for, or none when it was not made here."""
    try:
        return int(signing.Signer(salt="events.follows").unsign(token.replace(".", ":", 1)))
    except signing.BadSignature:
        return None


def follows_off_token(follower_id: int, follow_ids: Iterable[int]) -> str:
    """The token of the one-click link that ends what one mail was owed for (RFC 8058): does that alone."""
    said = "-".join(str(key) for key in (follower_id, *sorted(follow_ids)))
    return signing.Signer(salt="events.follows_off").sign(said).replace(":", ".")


def read_follows_off_token(token: str) -> tuple[int, list[int]] | None:
    """The follower and the follows it ends, or none when it was not made here."""
    try:
        said = signing.Signer(salt="events.follows_off").unsign(token.replace(".", ":", 1))
    except signing.BadSignature:
        return None
    follower, *follows = (int(part) for part in said.split("-"))
    return follower, follows
