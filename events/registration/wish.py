"""What somebody asks for, made comparable."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from dataclasses import dataclass

from events.models import ApiToken
from events.refusals import Reason, Refused

MOST_EVER = 100


@dataclass(frozen=True, slots=True)
class Wish:
    """One submission: ``email`` without outer spaces and in lower case, so that an address is one visitor."""

    slot_id: int
    email: str
    party_size: int
    submission_id: uuid.UUID
    name: str
    locale: str
    wait: bool
    partner: ApiToken | None
    now: dt.datetime

    @classmethod
    def of(
        cls,
        slot_id: int,
        email: str,
        party_size: int,
        submission_id: uuid.UUID,
        name: str,
        locale: str,
        wait: bool,
        partner: ApiToken | None,
        now: dt.datetime,
    ) -> Wish:
        """Raises ``Refused(LIMIT)`` on a party that no slot takes."""
        if not 1 <= party_size <= MOST_EVER:
            raise Refused(Reason.LIMIT, most=MOST_EVER)
        language = "en" if locale.startswith("en") else "fr"
        return cls(
            slot_id,
            email.strip().lower(),
            party_size,
            submission_id,
            name.strip(),
            language,
            wait,
            partner,
            now,
        )

    @property
    def fingerprint(self) -> str:
        """Two submissions with one id and another fingerprint are two different answers to one form.

        The language is left out: who changes it between two tries still sends the same form.
        """
        body = [self.slot_id, self.email, self.party_size, self.name, self.wait]
        if self.partner:
            body.append(self.partner.pk)
        return hashlib.sha256(json.dumps(body, ensure_ascii=False).encode()).hexdigest()
