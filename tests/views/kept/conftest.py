"""A clock that stands, and books that are right whatever a page did."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine

from events.models import Festival
from events.registration.invariants import find_drift
from tests import factories as f
from tests.factories import NOW


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def _books_are_right() -> Any:
    """Whatever a page did, the counters agree with the registrations."""
    yield
    assert find_drift(now=NOW) == []


@pytest.fixture
def festival() -> Festival:
    return f.FestivalFactory()
