"""What became of a mail, in the reader's words.

The rules and the delivery note why a mail ended in short English, the relay in its own words. What the site
itself says is translated here; what a relay said is quoted as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

SAID_BY_THE_SITE = {
    "kept on the site": _("kept on the site"),
    "too late": _("too late"),
    "too late for a second try": _("too late for a second try"),
    "the registration is gone": _("the registration is gone"),
    "the registration is confirmed": _("the registration is confirmed"),
    "the registration is waiting": _("the registration is waiting"),
    "the registration is held": _("the registration is held"),
    "the registration is cancelled": _("the registration is cancelled"),
    "the link has been replaced": _("the link has been replaced"),
    "the visit was moved to another slot": _("the visit was moved to another slot"),
    "the address wants none of these": _("the address wants none of these"),
    "the address takes no mail": _("the address takes no mail"),
    "the address called our mail unwanted": _("the address called our mail unwanted"),
    "an organiser stopped mail to this address": _("an organiser stopped mail to this address"),
    "too many mails to this address within an hour": _("too many mails to this address within an hour"),
    "too many mails to this address within a day": _("too many mails to this address within a day"),
    "the place is kept for another reason": _("the place is kept for another reason"),
    "the place is kept no longer": _("the place is kept no longer"),
    "the party is small enough now": _("the party is small enough now"),
    "the visitor is in that slot again": _("the visitor is in that slot again"),
    "the visit was moved again": _("the visit was moved again"),
    "the entry is gone": _("the entry is gone"),
    "the entry was withdrawn": _("the entry was withdrawn"),
    "what was won is given back": _("what was won is given back"),
    "the request is gone": _("the request is gone"),
    "the request is pending": _("the request is pending"),
    "the request is accepted": _("the request is accepted"),
    "the request is refused": _("the request is refused"),
    "the request is withdrawn": _("the request is withdrawn"),
    "the slot takes place": _("the slot takes place"),
    "the slot is draft": _("the slot is draft"),
    "the slot is published": _("the slot is published"),
    "the slot is cancelled": _("the slot is cancelled"),
    "the slot has changed again": _("the slot has changed again"),
    "the visitor did not come": _("the visitor did not come"),
    "the address is another now": _("the address is another now"),
    "another rule speaks for the slot": _("another rule speaks for the slot"),
    "its rule is no more": _("its rule is no more"),
    "the account is gone": _("the account is gone"),
    "there is nothing left to say": _("there is nothing left to say"),
    "the visit has begun": _("the visit has begun"),
    "the visit is over": _("the visit is over"),
    "the worker ended while sending": _("the worker ended while sending"),
    "the worker ended before sending": _("the worker ended before sending"),
    "every worker that took it ended": _("every worker that took it ended"),
    "stopped by an organiser": _("stopped by an organiser"),
    "no longer concerned by the bulk message": _("no longer concerned by the bulk message"),
    "followed no longer": _("followed no longer"),
    "no place is free any more": _("no place is free any more"),
    "nothing is open any more": _("nothing is open any more"),
    "nothing of the day stands any more": _("nothing of the day stands any more"),
}
"""What ``staleness`` and ``deliver`` write into ``last_answer``. What is missing here is shown as it is."""

ONCE_MORE = "; once more"


@dataclass(frozen=True)
class Answer:
    """``words``: ours, translated. ``quoted``: another's, as they came."""

    words: str = ""
    quoted: str = ""


def read_answer(said: str) -> Answer:
    """What ``Message.last_answer`` says."""
    if not said:
        return Answer()
    again = said.endswith(ONCE_MORE)
    said = said.removesuffix(ONCE_MORE)
    tail = gettext("It goes once more, under the same Message-ID.") if again else ""
    if said in SAID_BY_THE_SITE:
        words = str(SAID_BY_THE_SITE[said])
        return Answer(f"{words[:1].upper()}{words[1:]}. {tail}".strip())
    if said.startswith("said in "):
        return Answer(gettext("It is said in another mail of the same day."))
    for beginning, words in (
        ("cannot be composed: ", gettext("It could not be written: a fact is missing.")),
        ("bounced: ", gettext("It was sent, then returned by the reader’s server.")),
        ("rejected: ", gettext("It was sent, then refused by the mail provider.")),
        ("cannot be handed over: ", gettext("It could not be handed over.")),
    ):
        if said.startswith(beginning):
            return Answer(words, said.removeprefix(beginning))
    return Answer(tail, said)
