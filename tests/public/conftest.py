"""The public pages are read as somebody would: at a known moment, without an account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.core.cache import caches
from django.test import Client

from events.programme import shelf
from tests.factories import NOW


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    caches["fast"].clear()


@pytest.fixture
def counted_already(settings: Any) -> Iterator[None]:
    """The numbers beside the choices are those that the first page of the test has read."""
    settings.PROGRAMME_COUNTS_SECONDS = 600
    shelf.forget()
    yield
    shelf.forget()


@pytest.fixture
def read(client: Client, db: None) -> Callable[..., str]:
    """The page at an address, as text; it must be there."""

    def page(path: str, data: dict[str, Any] | None = None, **headers: Any) -> str:
        response = client.get(path, data, headers=headers or None)
        assert response.status_code == 200, (path, response.status_code)
        return response.content.decode()

    return page
