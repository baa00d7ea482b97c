"""A proof that a browser has worked for a while: what stands between a robot and a thousand bookings.

The challenge is bound to one slot, one submission of the form and a time, and signed; nothing is kept. It is
used once because a submission books once (``Registration.submission_id``). The work is a hash with leading
zero bits (hashcash), in several small pieces so that it takes about as long for everybody.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import re
import uuid
from dataclasses import dataclass

from django.conf import settings

PIECES, BITS = 8, 14
"""131,000 hashes in the mean: some tenths of a second on a computer, about a second on a phone."""
LASTS = dt.timedelta(hours=2)
"""As long as a form may lie open."""

PROOF = re.compile(rf"\d{{1,12}}(\.\d{{1,12}}){{{PIECES - 1}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Challenge:
    """``text`` goes into the form and comes back; ``seed`` is what is worked on."""

    text: str
    pieces: int = PIECES
    bits: int = BITS

    @property
    def seed(self) -> str:
        return self.text.partition(".")[2]


def new_challenge(*, slot_id: int, submission_id: uuid.UUID, now: dt.datetime) -> Challenge:
    return _challenge(slot_id, submission_id, int(now.timestamp()))


def is_proof(*, proof: str, challenge: str, slot_id: int, submission_id: uuid.UUID, now: dt.datetime) -> bool:
    """Whether the work was done for this slot and this submission, and not too long ago."""
    at = challenge.partition(".")[0]
    if not (at.isascii() and at.isdigit() and len(at) <= 12):
        return False
    if not 0 <= now.timestamp() - int(at) <= LASTS.total_seconds():
        return False
    true = _challenge(slot_id, submission_id, int(at))
    if not hmac.compare_digest(true.text.encode(), challenge.encode()) or not PROOF.fullmatch(proof):
        return False
    return all(_has_zeros(f"{true.seed}:{piece}:{found}") for piece, found in enumerate(proof.split(".")))


def _challenge(slot_id: int, submission_id: uuid.UUID, at: int) -> Challenge:
    said = f"proof:{slot_id}:{submission_id}:{at}"
    mac = hmac.new(settings.SECRET_KEY.encode(), said.encode(), hashlib.sha256).digest()
    return Challenge(f"{at}.{base64.urlsafe_b64encode(mac[:16]).decode().rstrip('=')}")


def _has_zeros(text: str) -> bool:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) >> (32 - BITS) == 0
