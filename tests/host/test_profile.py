"""Opening a door, saying who one is, and the people who speak for it."""

from __future__ import annotations

import datetime as dt
import re
import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from events.hosting import free_slug, invite_member, join_host, read_invitation, remove_member
from events.models import Activity, Host, HostMember, Message
from events.refusals import Reason, Refused
from tests.factories import NOW, HostFactory, UserFactory
from tests.host.people import a_host, an_activity, member_of
from tests.host.test_pictures import picture

pytestmark = pytest.mark.django_db


def typed(host: Host, **changes: object) -> dict[str, object]:
    return {
        "name": "Serres de Borderouge",
        "territory": host.territory.pk,
        "city": "Toulouse",
        "tagline_fr": "Des légumes en ville.",
        "website": "serres.example",
        **changes,
    }


class TestOpenADoor:
    def test_a_person_creates_a_host_and_speaks_for_it(self, client: Client):
        somewhere, person = a_host(), UserFactory(email="ada@hote.example")
        client.force_login(person)

        response = client.post(reverse("events:host_new"), typed(somewhere))

        host = Host.objects.get(slug="serres-de-borderouge")
        assert response.headers["Location"] == reverse("events:host_activity_new", args=[host.slug])
        assert (host.name, host.website, host.contact_email) == (
            "Serres de Borderouge",
            "https://serres.example",
            "ada@hote.example",
        )
        assert [member.user for member in host.members.all()] == [person]

    def test_a_refused_form_keeps_what_was_typed_and_says_where(self, client: Client):
        somewhere = a_host()
        client.force_login(UserFactory())

        response = client.post(
            reverse("events:host_new"), typed(somewhere, name="", website="javascript:alert(1)")
        )

        page = response.content.decode()
        assert response.status_code == 422
        assert list(response.context["form"].errors) == ["name", "website"]
        assert 'value="Des légumes en ville."' in page
        assert 'aria-invalid="true"' in page
        assert Host.objects.count() == 1

    @pytest.mark.parametrize(
        "name", ["Robots\x00", "Ro\u202ebots", "Robots\nBcc: tous@example.org", "x" * 121, "Ro\x07bots"]
    )
    def test_names_that_would_trick_a_mail_or_a_reader_are_refused(self, client: Client, name):
        somewhere = a_host()
        client.force_login(UserFactory())

        response = client.post(reverse("events:host_new"), typed(somewhere, name=name))

        assert (response.status_code, list(response.context["form"].errors)) == (422, ["name"])

    def test_only_territories_of_a_coming_edition_are_offered(self, client: Client):
        somewhere = a_host()
        HostFactory(territory__name="Sans édition")
        client.force_login(UserFactory())

        response = client.get(reverse("events:host_new"))

        assert list(response.context["form"].fields["territory"].queryset) == [somewhere.territory]

    def test_two_of_one_name_have_two_addresses_and_none_that_of_a_page(self):
        HostFactory(slug="les-robots")

        assert free_slug(Host, "Les Robots") == "les-robots-2"
        assert free_slug(Host, "Nouveau") == "nouveau-2"
        assert free_slug(Host, "株式会社") == "host"


class TestProfile:
    def test_it_is_saved_with_a_logo_drawn_again(self, desk: Client, host):
        logo = SimpleUploadedFile("mon logo.png", picture("PNG").getvalue(), "image/png")

        response = desk.post(
            reverse("events:host_profile", args=[host.slug]),
            {"name": "Les Robots", "city": "Labège", "description_en": "Robots.", "new_logo": logo},
        )

        host.refresh_from_db()
        assert response.status_code == 302
        assert (host.city, host.description_en, host.slug) == ("Labège", "Robots.", "les-robots")
        with Image.open(host.logo) as drawn:
            assert drawn.format == "WEBP"

    def test_an_svg_is_refused_at_its_field_and_the_rest_is_kept(self, desk: Client, host):
        svg = SimpleUploadedFile("logo.svg", b"<svg onload=alert(1)>", "image/svg+xml")

        response = desk.post(
            reverse("events:host_profile", args=[host.slug]),
            {"name": "Nouveau nom", "city": "Labège", "new_logo": svg},
        )

        assert (response.status_code, list(response.context["form"].errors)) == (422, ["new_logo"])
        assert 'value="Nouveau nom"' in response.content.decode()
        assert Host.objects.get(pk=host.pk).name == "Les Robots"

    def test_a_new_logo_takes_the_old_file_away(self, desk: Client, host, django_capture_on_commit_callbacks):
        page, names = reverse("events:host_profile", args=[host.slug]), []
        for _ in range(2):
            logo = SimpleUploadedFile("a.png", picture("PNG").getvalue())
            with django_capture_on_commit_callbacks(execute=True):
                desk.post(page, {"name": "Les Robots", "city": "Toulouse", "new_logo": logo})
            host.refresh_from_db()
            names.append(host.logo.name)

        assert [host.logo.storage.exists(name) for name in names] == [False, True]

    def test_it_can_be_taken_away(self, desk: Client, host):
        page = reverse("events:host_profile", args=[host.slug])
        logo = SimpleUploadedFile("a.png", picture("PNG").getvalue())
        desk.post(page, {"name": "Les Robots", "city": "Toulouse", "new_logo": logo})

        desk.post(page, {"name": "Les Robots", "city": "Toulouse", "drop_logo": "on"})

        host.refresh_from_db()
        assert not host.logo

    def test_its_activities_are_found_under_its_new_name(self, desk: Client, host):
        activity = an_activity(host)

        desk.post(reverse("events:host_profile", args=[host.slug]), {"name": "Automates", "city": "Toulouse"})

        assert list(Activity.objects.matching("automates")) == [activity]

    def test_what_hosts_type_never_becomes_markup(self, desk: Client, host):
        desk.post(
            reverse("events:host_profile", args=[host.slug]),
            {
                "name": "<script>alert(1)</script>",
                "city": "Toulouse",
                "tagline_fr": '"><img src=x onerror=alert(1)>',
            },
        )

        page = desk.get(reverse("events:host_profile", args=[host.slug])).content.decode()

        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


class TestTeam:
    def test_an_invited_person_joins_by_the_link_in_the_mail(self, desk, client: Client, host, member):
        desk.post(reverse("events:host_members", args=[host.slug]), {"email": "Bob@Hote.example"})
        mail = Message.objects.get()
        page = _page_in(mail)
        bob = UserFactory(email="bob@hote.example")
        client.force_login(bob)

        shown = client.get(page)
        joined = client.post(page)

        assert (mail.recipient, mail.kind) == ("bob@hote.example", "account")
        assert page in mail.html_body
        assert (shown.status_code, HostMember.objects.filter(user=bob).count()) == (200, 1)
        assert joined.headers["Location"] == reverse("events:host_overview", args=[host.slug])

    def test_opening_the_link_alone_does_not_join(self, client: Client, host, member):
        invite_member(host_id=host.pk, email="bob@hote.example", by=member, now=NOW)
        bob = UserFactory(email="bob@hote.example")
        client.force_login(bob)

        client.get(_page_in(Message.objects.get()))

        assert not HostMember.objects.filter(user=bob).exists()

    def test_the_link_is_for_the_invited_address_alone(self, client: Client, host, member):
        invite_member(host_id=host.pk, email="bob@hote.example", by=member, now=NOW)
        eve = UserFactory(email="eve@ailleurs.example")
        client.force_login(eve)

        response = client.post(_page_in(Message.objects.get()))

        assert response.status_code == 403
        assert not HostMember.objects.filter(user=eve).exists()

    def test_a_forged_or_old_link_opens_nothing(self, client: Client, host, member, monkeypatch):
        invite_member(host_id=host.pk, email="bob@hote.example", by=member, now=NOW)
        page = _page_in(Message.objects.get())
        client.force_login(UserFactory(email="bob@hote.example"))
        token = page.rstrip("/").rpartition("/")[2]

        forged = client.get(page.replace(token, f"{token[:-2]}xx"))
        later = time.time() + dt.timedelta(days=15).total_seconds()
        monkeypatch.setattr("time.time", lambda: later)

        assert forged.status_code == 404
        assert read_invitation(token) is None

    def test_nothing_tells_whether_the_address_has_an_account(self, desk: Client, host):
        UserFactory(email="connu@hote.example")
        page = reverse("events:host_members", args=[host.slug])

        answers = []
        for email in ("connu@hote.example", "inconnu@hote.example"):
            response = desk.post(page, {"email": email}, follow=True)
            answers.append(response.content.decode().replace(email, "…"))

        assert _without_tokens(answers[0]) == _without_tokens(answers[1])
        assert Message.objects.count() == 2

    def test_the_last_one_cannot_leave(self, host, member):
        with pytest.raises(Refused) as refused:
            remove_member(host_id=host.pk, member_id=host.members.get().pk)

        assert refused.value.reason == Reason.LAST_MEMBER

    def test_who_leaves_sees_the_desk_no_more(self, desk: Client, host, member):
        member_of(host)

        response = desk.post(
            reverse("events:host_member_remove", args=[host.slug, host.members.get(user=member).pk])
        )

        assert response.headers["Location"] == reverse("events:desk")
        assert desk.get(reverse("events:host_overview", args=[host.slug])).status_code == 404

    def test_a_member_of_another_host_is_not_taken_out_through_mine(self, desk: Client, host):
        other = a_host(slug="ailleurs")
        member_of(other), member_of(other)

        response = desk.post(reverse("events:host_member_remove", args=[host.slug, other.members.first().pk]))

        assert (response.status_code, other.members.count()) == (404, 2)

    def test_joining_twice_is_being_there_once(self, host, member):
        join_host(host_id=host.pk, user=member)

        assert host.members.count() == 1


class TestWhereOneWorks:
    def test_nobody_yet_is_invited_to_open_a_door(self, client: Client):
        client.force_login(UserFactory())

        response = client.get(reverse("events:desk"))

        assert response.status_code == 200
        assert reverse("events:host_new") in response.content.decode()

    def test_one_host_is_entered_at_once(self, desk: Client, host):
        assert desk.get(reverse("events:desk")).headers["Location"] == reverse(
            "events:host_overview", args=[host.slug]
        )
        assert desk.get(reverse("events:host_desk")).headers["Location"] == reverse(
            "events:host_overview", args=[host.slug]
        )

    def test_two_are_chosen_from(self, desk: Client, host, member):
        HostMember.objects.create(host=HostFactory(name="Nuage"), user=member)

        response = desk.get(reverse("events:desk"))

        assert [place.name for place in response.context["places"]] == ["Les Robots", "Nuage"]

    def test_an_organiser_who_also_hosts_chooses(self, desk: Client, host, member):
        host.territory.team.create(user=member)

        response = desk.get(reverse("events:desk"))

        assert [place.kind for place in response.context["places"]] == ["host", "organiser"]

    @pytest.mark.parametrize("name", ["desk", "host_desk", "host_new"])
    def test_nobody_signed_in_is_asked_to(self, client: Client, name):
        page = reverse(f"events:{name}")

        assert client.get(page).headers["Location"] == f"/compte/login/?next={page}"


def _page_in(mail: Message) -> str:
    link = next(line for line in mail.text_body.splitlines() if line.startswith("http"))
    return link[link.index("/hote/") :]


def _without_tokens(page: str) -> str:
    return re.sub(r'(value|nonce|data-\w+)="[A-Za-z0-9+/=_-]{16,}"', "", page)
