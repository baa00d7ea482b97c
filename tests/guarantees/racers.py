"""Real processes that all do one thing at the same instant: six processes of ten threads, each with its
connection.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.ground.site import Site, read_json

PROCESSES = 6

SCRIPT = """
import json, sys, threading, time, uuid
from datetime import datetime
from django.db import connection, transaction
from django.db.models import F, Sum
from events.models import Message, Registration, Slot, Visitor
from events.refusals import Refused
from events.registration.book import register_party
from events.registration.cancel import cancel_registration

task = json.loads(sys.stdin.readline())
now = datetime.fromisoformat(task["now"])


def book(slot_id, email, party_size, submission_id, wait=False):
    booking = register_party(
        slot_id=slot_id, email=email, party_size=party_size, submission_id=uuid.UUID(submission_id), now=now,
        wait=wait,
    )
    return [booking.registration.pk, booking.replayed]


def give_back(registration_id, places):
    cancel_registration(registration_id=registration_id, now=now, places=places)
    return "given back"


# What people usually write, for the negative controls: look first, then write what was seen to be possible.

def count_then_insert(slot_id, email, party_size, submission_id):
    slot = Slot.objects.get(pk=slot_id)
    taken = slot.registrations.confirmed().aggregate(n=Sum("party_size"))["n"] or 0
    time.sleep(0.05)
    if taken + party_size > slot.capacity:
        return "full"
    visitor, _ = Visitor.objects.get_or_create(email=email)
    registration = Registration.objects.create(
        slot=slot, visitor=visitor, party_size=party_size, submission_id=submission_id, submission_hash="0" *
        64, status="confirmed", created_at=now, confirmed_at=now,
    )
    return [registration.pk, False]


def look_then_insert(slot_id, email, party_size, submission_id):
    if Registration.objects.filter(submission_hash=submission_id).exists():
        return "seen"
    time.sleep(0.05)
    visitor = Visitor.objects.create(email=f"{uuid.uuid4()}@example.org")
    registration = Registration.objects.create(
        slot_id=slot_id, visitor=visitor, party_size=party_size, submission_id=uuid.uuid4(),
        submission_hash=submission_id, status="confirmed", created_at=now, confirmed_at=now,
    )
    return [registration.pk, False]


def look_then_give_back(registration_id, places):
    registration = Registration.objects.get(pk=registration_id)
    if not registration.is_active:
        return "inactive"
    time.sleep(0.05)
    Registration.objects.filter(pk=registration_id).update(status="cancelled", cancelled_at=now)
    Slot.objects.filter(pk=registration.slot_id).update(taken=F("taken") - registration.party_size)
    return "given back"


def run(number, action, arguments, start, answers):
    connection.ensure_connection()
    start.wait()
    try:
        answers[number] = globals()[action](*arguments)
    except Refused as refused:
        answers[number] = refused.reason.value
    except Exception as error:
        answers[number] = f"{type(error).__name__}: {error}"
    finally:
        connection.close()


answers = [None] * len(task["acts"])
start = threading.Barrier(len(answers) + 1)
threads = [
    threading.Thread(target=run, args=(number, action, arguments, start, answers))
    for number, (action, *arguments) in enumerate(task["acts"])
]
for thread in threads:
    thread.start()
print("ready", flush=True)
sys.stdin.readline()
start.wait()
for thread in threads:
    thread.join()
print(json.dumps(answers), flush=True)
"""


def race(site: Site, acts: Sequence[Sequence[Any]], *, now: str) -> list[Any]:
    """Do all ``acts`` (name of a function of the script, then its arguments) at once; their answers, in
    order.

    A refusal is answered as its reason, an error as its text.
    """
    count = min(PROCESSES, len(acts))
    racers = [site.start_python(SCRIPT) for _ in range(count)]
    shares = [list(acts[number::count]) for number in range(count)]
    for racer, share in zip(racers, shares, strict=True):
        assert racer.stdin is not None
        racer.stdin.write(json.dumps({"now": now, "acts": share}) + "\n")
        racer.stdin.flush()
    for racer in racers:
        assert racer.stdout is not None
        while (line := racer.stdout.readline()) != "ready\n":
            assert line, "A racer ended before the start."
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    answers: list[Any] = [None] * len(acts)
    for number, racer in enumerate(racers):
        answers[number::count] = read_json(racer.communicate(timeout=120)[0])
    return answers
