"""What the database could not serialise is tried again; what it made wait too long is answered « busy »."""

from __future__ import annotations

import functools
import random
import re
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from django.db import DatabaseError, IntegrityError, OperationalError, connection

from events.refusals import Reason, Refused

P = ParamSpec("P")
R = TypeVar("R")

TRY_AGAIN = {"40001", "40P01"}
"""SQLSTATE: serialization_failure, deadlock_detected (PostgreSQL, appendix A)."""

WAITED_LONG = {"55P03", "57014"}
"""lock_not_available, query_canceled (``statement_timeout``): the next in line would wait as long."""

TRIES = 4


def patient(rule: Callable[P, R]) -> Callable[P, R]:
    """Run a rule, one transaction, again after a deadlock, at most three times; then ``Refused(BUSY)``.

    A time-out on a lock is BUSY at once. Inside somebody else's transaction nothing can be tried again: it
    raises.
    """

    @functools.wraps(rule)
    def tries(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.in_atomic_block:
            return rule(*args, **kwargs)
        for number in range(TRIES):
            try:
                return rule(*args, **kwargs)
            except OperationalError as error:
                if _is_transient(error):
                    time.sleep(random.uniform(0.005, 0.03) * (number + 1))  # noqa: S311 - spreads, hides nothing
                elif _waited_long(error):
                    break
                else:
                    raise
        raise Refused(Reason.BUSY)

    return tries


def broken_constraint(error: IntegrityError) -> str:
    """The name of the constraint an insert or update broke, the same on both engines; empty when not told."""
    diagnosis = getattr(error.__cause__, "diag", None)
    if diagnosis is not None:
        return diagnosis.constraint_name or ""
    said = str(error)
    if found := re.search(r"(?:CHECK constraint failed: |index ')(\w+)", said):
        return found.group(1)
    # SQLite names the columns of a unique index, not the index.
    return _BY_COLUMNS.get(said.rpartition(": ")[2], "")


_BY_COLUMNS = {
    "events_registration.slot_id, events_registration.visitor_id": (
        "one_active_registration_per_email_and_slot"
    ),
}


def _state_of(error: DatabaseError) -> Any:
    return getattr(error.__cause__, "sqlstate", None)


def _is_transient(error: OperationalError) -> bool:
    return _state_of(error) in TRY_AGAIN


def _waited_long(error: OperationalError) -> bool:
    if _state_of(error) in WAITED_LONG or type(error.__cause__).__name__ == "PoolTimeout":
        return True
    return connection.vendor == "sqlite" and "locked" in str(error)
