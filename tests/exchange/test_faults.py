"""What is wrong with an event is kept as a code with its facts, and worded for whoever reads it."""

from __future__ import annotations

import datetime as dt
import json
import re

import pytest
from django.utils.translation import override

from events.exchange.entries import Problem
from events.exchange.faults import Fault, Said, in_each_language
from events.refusals import Reason

NB = "\u00a0"


def kept_and_read(problem: Problem) -> Problem:
    return Problem.read(json.loads(json.dumps(problem.kept)))


def in_both(problem: Problem) -> tuple[str, str]:
    with override("fr"):
        french = str(problem)
    with override("en"):
        return french, str(problem)


def test_what_was_kept_is_said_in_the_readers_language() -> None:
    problem = Problem(4, Fault.OTHER_TERRITORY.of(commune="Lyon"), of_event=True)

    assert in_both(kept_and_read(problem)) == (
        f"Événement{NB}4{NB}: «{NB}Lyon{NB}» relève d’un autre territoire.",
        "Event 4: “Lyon” lies in another territory.",
    )


def test_days_times_and_refusals_are_worded_when_they_are_read() -> None:
    slot = Fault.WITHDRAWN_HERE.of(slot=dt.datetime(2027, 6, 10, 14, 30))
    rule = Fault.IN_THE_WAY.of(reason=Reason.ROOM_OCCUPIED, names="Atelier")

    french, english = in_both(kept_and_read(Problem(2, slot)))
    assert f"jeudi{NB}10{NB}juin, 14{NB}h{NB}30" in french
    assert "Thursday" in english
    assert in_both(kept_and_read(Problem(0, rule)))[1] == (
        "The room is occupied at that time. In the way: Atelier."
    )


def test_a_fault_may_stand_within_another() -> None:
    problem = Problem(3, Fault.IN_A_COLUMN.of(column="date", text=Fault.NUL.of()))

    assert in_both(kept_and_read(problem))[1] == "Line 3: column “date”: a NUL character stands in the text."


def test_what_a_rule_found_is_kept_in_each_language() -> None:
    said = Fault.FOUND.of(
        reason=Reason.ROOM_CLOSED, sentence=in_each_language(lambda: str(Reason.ROOM_OCCUPIED.label))
    )

    french, english = in_both(kept_and_read(Problem(0, said)))
    assert english == "The venue is closed at that time. The room is occupied at that time."
    assert french.endswith(str(said.facts["sentence"]["fr"]))
    assert said.facts["sentence"]["fr"] != said.facts["sentence"]["en"]


@pytest.mark.parametrize("locale", ["fr", "en"])
def test_each_sentence_asks_for_facts_that_it_can_say(locale: str) -> None:
    samples = {
        "day": "2027-06-10",
        "time": "14:30:00",
        "slot": "2027-06-10T14:30:00",
        "reason": "full",
        "sentence": {"fr": "a", "en": "a"},
    }
    with override(locale):
        for fault in Fault:
            names = re.findall(r"%\((\w+)\)(.)", str(fault.label))
            facts = {name: samples.get(name, 7 if kind in "dX0" else "x") for name, kind in names}
            assert "%(" not in str(Said(fault, facts))
