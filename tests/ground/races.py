"""Real processes that all do one thing at the same instant: a few processes of many threads, each with its
connection.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

from tests.ground.site import Site, read_json

BEFORE = """
import json, os, sys, threading, time, uuid
import datetime as dt
from django.db import IntegrityError, OperationalError, connection, transaction
from events.refusals import Refused

task = json.loads(sys.stdin.readline())
now = dt.datetime.fromisoformat(task["now"])


def meet():
    # Every racer calls it once and goes on when all have: so all have looked before anybody writes.
    with open(task["meeting"], "a") as place:
        place.write(".")
    while os.path.getsize(task["meeting"]) < task["number"]:
        time.sleep(0.01)
"""

AFTER = """

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


def race(
    site: Site, actions: str, acts: Sequence[Sequence[Any]], *, processes: int = 6, **task: Any
) -> list[Any]:
    """Do all ``acts`` (name of a function of ``actions``, then its arguments) at once; their answers, in
    order.

    ``actions`` is Python that finds ``now``, ``task``, ``meet`` and the usual modules there. A refusal is
    answered as its reason, an error as its text.
    """
    task |= {"meeting": str(site.var_dir / f"meeting-{uuid.uuid4()}"), "number": len(acts)}
    count = min(processes, len(acts))
    racers = [site.start_python(BEFORE + actions + AFTER) for _ in range(count)]
    shares = [list(acts[number::count]) for number in range(count)]
    for racer, share in zip(racers, shares, strict=True):
        assert racer.stdin is not None
        racer.stdin.write(json.dumps({**task, "acts": share}) + "\n")
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
        answers[number::count] = read_json(racer.communicate(timeout=600)[0])
    return answers


def is_refused_by(guard: str, answer: Any) -> bool:
    """Whether a bare statement, which knows no patience and no second try, was refused: by the guard itself,
    or because it waited too long for whoever was before it there.
    """
    return any(words in str(answer) for words in (guard, "deadlock detected", "lock timeout"))
