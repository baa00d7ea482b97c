"""The actions of the back office ask the rules, and its forms ask the database before they save."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from events import models as m
from events.refusals import Reason, Refused
from events.scheduling.place import elsewhere_meanwhile

Rule = Callable[[Any], object]


def ask_each(
    model_admin: Any, request: HttpRequest, rows: QuerySet, rule: Rule, done: Callable[[int], str]
) -> None:
    """Ask a rule for each row; say how many it did and why it refused the others."""
    number, refusals = 0, []
    for row in rows.order_by("pk"):
        try:
            rule(row)
            number += 1
        except Refused as refused:
            refusals.append(f"{row}: {refused.reason.label}")
    if number:
        model_admin.message_user(request, done(number), messages.SUCCESS)
    for refusal in refusals[:20]:
        model_admin.message_user(request, refusal, messages.ERROR)


def refusal_of_the_database(row: Any) -> str:
    """What the database would say to this row, tried and taken back; empty when it would take it."""
    try:
        with transaction.atomic():
            row.save()
            transaction.set_rollback(True)
    except IntegrityError as error:
        return str(error)
    return ""


def people_in_the_way(slot: m.Slot, people: list[m.HostPerson] | None = None) -> str:
    """« Somebody receives elsewhere », and who and where."""
    named = ", ".join(
        f"{row.person} ({row.slot.activity.title_fr})" for row in elsewhere_meanwhile(slot, people)
    )
    return f"{Reason.PERSON_BUSY.label} {named}"
