"""A signed-in member of one host, at ten in the morning of 3 May 2027."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from events.models import Host
from tests.factories import NOW
from tests.host.people import a_host, member_of


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


@pytest.fixture
def host() -> Host:
    return a_host()


@pytest.fixture
def member(host: Host) -> User:
    return member_of(host, email="ada@hote.example", name="Ada")


@pytest.fixture
def desk(client: Client, member: User) -> Client:
    """The browser of a member."""
    client.force_login(member)
    return client
