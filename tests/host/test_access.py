"""What is not yours does not exist: every page of the desk, for a member, a stranger, an organiser and
nobody.
"""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from events.models import Host, HostMember
from tests.factories import NOW, RegistrationFactory, UserFactory
from tests.host.people import a_host, a_slot, an_activity, member_of, organiser_of

pytestmark = pytest.mark.django_db

PAGES = [
    ("host_overview", []),
    ("host_profile", []),
    ("host_members", []),
    ("host_activities", []),
    ("host_activity_new", []),
    ("host_people", []),
    ("host_people_csv", []),
    ("host_activity", ["activity"]),
    ("host_activity_edit", ["activity"]),
    ("host_activity_cancel", ["activity"]),
    ("host_slots_add", ["activity"]),
    ("host_slot", ["slot"]),
    ("host_slot_edit", ["slot"]),
    ("host_slot_capacity", ["slot"]),
    ("host_slot_withdraw", ["slot"]),
    ("host_door_list", ["slot"]),
    ("host_slot_csv", ["slot"]),
]
POSTS = [
    ("host_activity_submit", ["activity"]),
    ("host_activity_reopen", ["activity"]),
    ("host_activity_delete", ["activity"]),
    ("host_slot_delete", ["slot"]),
    ("host_member_remove", ["member"]),
]


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


@pytest.fixture
def host() -> Host:
    host = a_host()
    activity = an_activity(host, state="published")
    slot = a_slot(activity, pk=501)
    RegistrationFactory(slot=slot)
    HostMember.objects.create(pk=701, host=host, user=UserFactory())
    return host


def url(name: str, parts: list[str], host: Host) -> str:
    numbers = {"activity": host.activities.get().pk, "slot": 501, "member": 701}
    return reverse(f"events:{name}", args=[host.slug, *(numbers[part] for part in parts)])


@pytest.mark.parametrize(("name", "parts"), PAGES)
class TestPages:
    def test_a_member_sees_it(self, client: Client, host, name, parts):
        client.force_login(member_of(host))

        response = client.get(url(name, parts, host))

        assert response.status_code == 200, response.headers.get("Location")

    def test_a_member_of_another_host_finds_nothing(self, client: Client, host, name, parts):
        client.force_login(member_of(a_host(slug="ailleurs")))

        assert client.get(url(name, parts, host)).status_code == 404

    def test_the_organiser_of_the_territory_finds_nothing_here(self, client: Client, host, name, parts):
        client.force_login(organiser_of(host))

        assert client.get(url(name, parts, host)).status_code == 404

    def test_who_is_not_signed_in_is_asked_to_and_comes_back(self, client: Client, host, name, parts):
        page = url(name, parts, host)

        response = client.get(page)

        assert (response.status_code, response.headers["Location"]) == (302, f"/compte/login/?next={page}")


@pytest.mark.parametrize(("name", "parts"), POSTS)
class TestActions:
    def test_only_a_member_may(self, client: Client, host, name, parts):
        page = url(name, parts, host)

        nobody = client.post(page)
        client.force_login(member_of(a_host(slug="ailleurs")))
        stranger = client.post(page)
        client.force_login(member_of(host))
        member = client.post(page)

        assert (nobody.status_code, stranger.status_code, member.status_code) == (302, 404, 302)
        assert nobody.headers["Location"] == f"/compte/login/?next={page}"

    def test_a_link_alone_does_nothing(self, client: Client, host, name, parts):
        client.force_login(member_of(host))

        assert client.get(url(name, parts, host)).status_code == 405

    def test_a_form_from_elsewhere_is_refused(self, host, name, parts):
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(member_of(host))

        assert strict.post(url(name, parts, host)).status_code == 403


@pytest.mark.parametrize("name", ["host_activity", "host_slots_add", "host_activity_submit"])
def test_an_activity_under_another_of_my_hosts_is_not_there(client: Client, host, name):
    user = member_of(host)
    other = a_host(slug="ailleurs")
    HostMember.objects.create(host=other, user=user)
    client.force_login(user)

    page = reverse(f"events:{name}", args=[other.slug, host.activities.get().pk])

    response = client.post(page) if name == "host_activity_submit" else client.get(page)

    assert response.status_code == 404


@pytest.mark.parametrize(("name", "parts"), [*PAGES, *POSTS])
def test_what_was_never_there_is_not_found(client: Client, host, name, parts):
    client.force_login(member_of(host))
    numbers = [99_999 for _ in parts]

    page = reverse(f"events:{name}", args=[host.slug if parts else "personne", *numbers])
    response = client.post(page) if (name, parts) in POSTS else client.get(page)

    assert response.status_code == 404
