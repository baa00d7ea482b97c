"""The place in the list just after one slot, as text in an address."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from dataclasses import dataclass
from typing import Self

from events.models import Slot

_CURSOR = re.compile(r"^(-?\d{1,17})\.(\d{1,18})$")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place in the list just after one slot."""

    starts_at: dt.datetime
    pk: int

    @classmethod
    def after(cls, slot: Slot) -> Self:
        return cls(slot.starts_at, slot.pk)

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises ``ValueError`` on anything this module did not write."""
        try:
            plain = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode("ascii")
            found = _CURSOR.match(plain)
            if found is None or len(text) > 80:
                raise ValueError
            return cls(_EPOCH + dt.timedelta(microseconds=int(found[1])), int(found[2]))
        except (ValueError, OverflowError, binascii.Error) as error:
            raise ValueError("Not a cursor") from error

    def __str__(self) -> str:
        micros = (self.starts_at - _EPOCH) // dt.timedelta(microseconds=1)
        return base64.urlsafe_b64encode(f"{micros}.{self.pk}".encode()).decode().rstrip("=")
