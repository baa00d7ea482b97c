"""What somebody asks for, made comparable."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from events.models import ApiToken, Pool
from events.refusals import Reason, Refused

MOST_EVER = 100

ASKED_FOR = (Pool.Kind.ACCESS, Pool.Kind.GROUP)


@dataclass(frozen=True, slots=True)
class Wish:
    """One submission: ``email`` without outer spaces and in lower case, so that an address is one visitor.

    ``any_of``: other slots of the activity one would wait for as well. ``pool``: the reserved pool asked for.
    ``is_theirs``: whoever asks may know what the address holds. ``is_vouched``: false while robots storm the
    doors and nothing shows that this is none. ``beside``: it is part of a day, which is told as one, with
    these registrations before it; None: it stands alone.
    """

    slot_id: int
    email: str
    party_size: int
    submission_id: uuid.UUID
    name: str
    locale: str
    wait: bool
    partner: ApiToken | None
    now: dt.datetime
    any_of: tuple[int, ...] = ()
    pool: str = ""
    is_theirs: bool = False
    is_vouched: bool = True
    pool_is_short: bool = False
    beside: frozenset[int] | None = None

    @property
    def takes_from(self) -> str:
        """The pool whose places are asked for; everybody's places once the pool has too few left."""
        return "" if self.pool_is_short else self.pool

    @classmethod
    def of(
        cls,
        *,
        slot_id: int,
        email: str,
        party_size: int,
        submission_id: uuid.UUID,
        name: str,
        locale: str,
        wait: bool,
        partner: ApiToken | None,
        now: dt.datetime,
        any_of: Iterable[int],
        pool: str,
        is_theirs: bool,
        is_vouched: bool,
        beside: Iterable[int] | None,
    ) -> Wish:
        """Raises ``Refused``: LIMIT on a party that no slot takes, WRONG_STATE on a pool nobody asks for
        (places at the door are given at the door, a second wave is everybody's when it opens).
        """
        if not 1 <= party_size <= MOST_EVER:
            raise Refused(Reason.LIMIT, most=MOST_EVER)
        if pool and pool not in ASKED_FOR:
            raise Refused(Reason.WRONG_STATE)
        return cls(
            slot_id=slot_id,
            email=email.strip().lower(),
            party_size=party_size,
            submission_id=submission_id,
            name=name.strip(),
            locale="en" if locale.startswith("en") else "fr",
            wait=wait,
            partner=partner,
            now=now,
            any_of=tuple(sorted({*any_of} - {slot_id})) if wait else (),
            pool=pool,
            is_theirs=is_theirs or partner is not None,
            is_vouched=is_vouched or partner is not None,
            beside=None if beside is None else frozenset(beside),
        )

    @property
    def fingerprint(self) -> str:
        """Two submissions with one id and another fingerprint are two different answers to one form.

        The language is left out: who changes it between two tries still sends the same form.
        """
        body = [self.slot_id, self.email, self.party_size, self.name, self.wait]
        if self.partner:
            body.append(self.partner.pk)
        if self.any_of or self.pool:
            body += [list(self.any_of), self.pool]
        return hashlib.sha256(json.dumps(body, ensure_ascii=False).encode()).hexdigest()
