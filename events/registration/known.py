"""An address that already holds a place books again: the page must not tell, the ticket goes by mail.

Whoever types somebody else's address sees, here and at every later try with the same form, what a fresh
address would have shown. So the answer given is remembered under the submission's id, with the mail that it
owes.
"""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from events.mail.outbox import owe
from events.models import Message, Registration
from events.refusals import Reason, Refused

from .refusing import why_not
from .wish import Wish

CALM = dt.timedelta(hours=1)
"""Nobody can be written to more often about one place by pressing a button again."""

TOLD_AGAIN = {
    "": Message.Kind.ALREADY_REGISTERED,
    Registration.Hold.ADDRESS: Message.Kind.CONFIRM_ADDRESS,
    Registration.Hold.CHOICE: Message.Kind.CHOOSE,
    Registration.Hold.OFFER: Message.Kind.OFFER,
}
"""What the owner of the address is told, by why the places are held."""


def answer_known_address(wish: Wish) -> None:
    """Raises ``Refused``: what stands in anybody's way, else ALREADY_REGISTERED with the ``outcome`` to show.

    Returns when the place was given back in between: try again.
    """
    held = Registration.objects.active().filter(slot_id=wish.slot_id, visitor__email=wish.email)
    if there := held.select_related("visitor").order_by("pk").first():
        _answer(wish, there)


def answer_unsettled(wish: Wish, there: Registration) -> None:
    """The same for an address that has something to settle first: nothing is kept, its mail comes again."""
    _answer(wish, there)


def _answer(wish: Wish, there: Registration) -> None:
    if wish.is_theirs:
        raise Refused(Reason.ALREADY_REGISTERED)
    recall_answer(wish)
    outcome = Registration.Status.CONFIRMED
    if refusal := why_not(wish):
        if not (wish.wait and refusal.facts.get("can_wait")):
            raise refusal
        outcome = Registration.Status.WAITING
    _remember_answer(wish, there, outcome)
    raise Refused(Reason.ALREADY_REGISTERED, outcome=outcome)


def recall_answer(wish: Wish) -> None:
    """Raises what this submission was answered before, if its address was known then."""
    message = Message.objects.filter(dedupe_key=_key(wish)).first()
    if message is None:
        return
    if message.context["submission_hash"] != wish.fingerprint:
        raise Refused(Reason.SUBMISSION_REUSED)
    raise Refused(Reason.ALREADY_REGISTERED, outcome=message.context["outcome"])


@transaction.atomic
def _remember_answer(wish: Wish, there: Registration, outcome: Registration.Status) -> None:
    again = Message.objects.filter(registration=there, dedupe_key__startswith="again:")
    told = again.filter(created_at__gt=wish.now - CALM).exclude(status=Message.Status.SUPPRESSED).exists()
    owe(
        kind=TOLD_AGAIN[there.hold],
        dedupe_key=_key(wish),
        recipient=there.visitor.email,
        locale=wish.locale,
        now=wish.now,
        registration=there,
        context={"submission_hash": wish.fingerprint, "outcome": outcome.value},
    )
    if told or wish.beside is not None:  # a day's own mail tells what it holds already
        Message.objects.filter(dedupe_key=_key(wish)).update(status=Message.Status.SUPPRESSED)


def _key(wish: Wish) -> str:
    return f"again:{wish.submission_id}"
