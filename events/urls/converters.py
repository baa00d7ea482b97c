"""What may stand in an address where a number, a day, or a secret and a reference do."""

from __future__ import annotations

import datetime as dt

from django.urls import register_converter


class NumberConverter:
    """A key or a count. A longer one is no number that a database could hold: there is nothing at that
    address, and nobody need ask.
    """

    regex = r"[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


class TextConverter:
    """A secret or a reference, as somebody was sent it: no control signs, of which PostgreSQL takes one for
    no text at all.
    """

    regex = r"[^/\x00-\x1f\x7f]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class DayConverter:
    """A day as « 2027-06-10 »."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> dt.date:
        return dt.date.fromisoformat(value)

    def to_url(self, value: dt.date) -> str:
        return value.isoformat()


register_converter(NumberConverter, "number")
register_converter(TextConverter, "text")
register_converter(DayConverter, "day")
