"""The bulk message: what an organiser wrote to many, in the reader's language where it was written in it."""

from __future__ import annotations

import datetime as dt
import re

from events import wording
from events.links import broadcasts_token
from events.mail.letters import Letter, address, first_name, plain, team_of
from events.models import Broadcast, Message
from events.typography import set_in_french

from .shared import Content, ContentOf

Kind = Message.Kind


def _broadcast(message: Message, now: dt.datetime) -> Content:
    broadcast = message.broadcast
    if broadcast is None:
        raise ValueError("A bulk message's mail without it.")
    english = wording.language() == "en" and bool(broadcast.text_en)
    subject = broadcast.subject_en if english else broadcast.subject
    text = broadcast.text_en if english else broadcast.text
    if not english:
        subject, text = set_in_french(subject), set_in_french(text)
    lines = [re.sub(r"[ \t]+", " ", line).strip() for line in text.splitlines() if line.strip()]
    off = address("broadcasts_off", broadcasts_token(message.recipient))
    facts = {
        "headline": plain(subject),
        "first": lines[0] if lines else "",
        "lines": lines[1:],
        "who": broadcast.segment.get("who", ""),
        "my_visits": address("my_visits", message.visitor.token) if message.visitor else "",
        "desk": address("desk"),
        "off": off,
    }
    headers = {
        "List-Unsubscribe": f"<{off}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",  # RFC 8058
    }
    return Content(_letter(message, broadcast), facts, headers=headers)


def _letter(message: Message, broadcast: Broadcast) -> Letter:
    name = first_name(message.registration.name) if message.registration else ""
    festival = plain(broadcast.festival.name)
    answers = broadcast.festival.contact_email
    if broadcast.territory is not None:
        answers = broadcast.territory.contact_email or answers
    team = team_of(festival, broadcast.territory)
    return Letter(festival, broadcast.festival.is_demo, team, name, reply_to=answers)


CONTENT_OF: ContentOf = {Kind.BROADCAST: _broadcast}
