"""A page drawn once for everybody shows each reader their own values and nobody else's."""

from __future__ import annotations

import datetime as dt
import gzip
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.staticfiles import finders
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.models import Message, Pool, Registration, Slot
from events.registration.book import register_party
from events.templatetags.festival.faces import FACES
from events.views import quick_pages
from events.views.tickets import write_receipt
from tests.factories import NOW, ActivityFactory, SlotFactory, UserFactory
from tests.ground.needs import missing

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(autouse=True)
def _kept_long(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.QUICK_PAGE_SECONDS = 600.0
    settings.VAR_DIR = tmp_path
    quick_pages._pages.clear()
    quick_pages._things.clear()
    yield
    quick_pages._pages.clear()
    quick_pages._things.clear()


def url(slot: Slot) -> str:
    return f"/creneaux/{slot.pk}/inscription/"


def answers(**kwargs: Any) -> dict[str, Any]:
    return {"email": "camille@example.org", "party_size": "1", "submission_id": str(uuid.uuid4())} | kwargs


def full_slot(**kwargs: Any) -> Slot:
    slot = SlotFactory(capacity=1, **kwargs)
    register_party(
        slot_id=slot.pk,
        email="first@example.org",
        party_size=1,
        name="First",
        submission_id=uuid.uuid4(),
        now=NOW,
    )
    return slot


def page_of(response: Any) -> str:
    return str(response.content.decode())


def without_own(page: str) -> str:
    """The page with what is each reader's own taken out."""
    page = re.sub(r'nonce="[^"]+"', 'nonce=""', page)
    return re.sub(r'name="(csrfmiddlewaretoken|submission_id)" value="[^"]+"', r'name="\1"', page)


def own(page: str, name: str) -> set[str]:
    return set(re.findall(rf'{name}="([^"]+)"', page)) | set(
        re.findall(rf'name="{name}" value="([^"]+)"', page)
    )


def need_fonts() -> None:
    """Only the style of the site's own fonts carries a nonce; a machine may be without them."""
    if not finders.find(FACES[0][1]):
        missing("the fonts (make setup)")


def test_the_second_reader_gets_the_same_form_without_a_query() -> None:
    slot = SlotFactory(capacity=5)
    first = Client().get(url(slot))

    with CaptureQueriesContext(connection) as queries:
        second = Client().get(url(slot))

    assert len(queries) == 0
    assert without_own(page_of(second)) == without_own(page_of(first))
    assert second.headers["Cache-Control"] == first.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("name", ["csrfmiddlewaretoken", "submission_id", "nonce"])
def test_each_reader_has_their_own(name: str) -> None:
    if name == "nonce":
        need_fonts()
    slot = SlotFactory()
    pages = [page_of(Client().get(url(slot))) for _reader in range(3)]

    values = [own(page, name) for page in pages]

    assert [len(found) for found in values] == [1, 1, 1]
    assert len(set.union(*values)) == 3


def test_the_nonce_on_a_kept_page_is_the_one_in_its_policy() -> None:
    need_fonts()
    slot = SlotFactory()
    Client().get(url(slot))

    response = Client().get(url(slot))

    (nonce,) = own(page_of(response), "nonce")
    assert f"'nonce-{nonce}'" in response.headers["Content-Security-Policy"]


def test_the_token_of_a_kept_page_books_for_its_reader_alone() -> None:
    slot = SlotFactory()
    Client().get(url(slot))
    reader, other = Client(enforce_csrf_checks=True), Client(enforce_csrf_checks=True)
    (token,) = own(page_of(reader.get(url(slot))), "csrfmiddlewaretoken")
    other.get(url(slot))

    assert other.post(url(slot), answers(csrfmiddlewaretoken=token)).status_code == 403
    assert reader.post(url(slot), answers(csrfmiddlewaretoken=token)).status_code == 302


def test_a_kept_page_asked_for_compressed_is_the_page_and_holds_its_readers_own_values() -> None:
    slot = SlotFactory(capacity=5)
    plain = Client().get(url(slot))
    reader = Client(enforce_csrf_checks=True)

    answered = [reader.get(url(slot), headers={"Accept-Encoding": "gzip"}) for _time in range(2)]

    assert [answer.headers["Content-Encoding"] for answer in answered] == ["gzip", "gzip"]
    assert all("Accept-Encoding" in answer.headers["Vary"] for answer in (plain, *answered))
    pages = [gzip.decompress(answer.content).decode() for answer in answered]
    assert {without_own(page) for page in pages} == {without_own(page_of(plain))}
    assert own(pages[0], "submission_id") != own(pages[1], "submission_id")
    (token,) = own(pages[1], "csrfmiddlewaretoken")
    assert token.encode() in answered[1].content  # stored: what is secret is not compressed with the rest
    assert reader.post(url(slot), answers(csrfmiddlewaretoken=token)).status_code == 302


def test_what_somebody_typed_comes_back_compressed_however_long_its_letters() -> None:
    slot = full_slot(activity=ActivityFactory(ask_name=True))
    typed = answers(email="zoé@example.org", name='Zoé & "Łukasz" <b>')
    Client().post(url(slot), answers(name="Ann"))

    plain, packed = (
        Client(headers={"Accept-Encoding": encoding}).post(url(slot), typed) for encoding in ("", "gzip")
    )

    assert "Łukasz" in page_of(plain)
    assert without_own(gzip.decompress(packed.content).decode()) == without_own(page_of(plain))


def test_each_language_has_its_page() -> None:
    slot = SlotFactory()
    Client().get(url(slot))
    english = page_of(Client().get(url(slot), headers={"Accept-Language": "en"}))
    french = page_of(Client().get(url(slot)))

    assert '<html lang="en"' in english
    assert '<html lang="fr"' in french


def test_whoever_has_a_session_gets_a_page_of_their_own() -> None:
    slot = SlotFactory()
    Client().get(url(slot))
    client = Client()
    client.force_login(UserFactory())

    page = page_of(client.get(url(slot)))

    assert "Mon bureau" in page
    assert "Mon bureau" not in page_of(Client().get(url(slot)))


def test_a_page_lasts_no_longer_than_it_should(settings: Any) -> None:
    settings.QUICK_PAGE_SECONDS = 1e-9
    slot = SlotFactory(capacity=2)
    Client().get(url(slot))
    Slot.objects.filter(pk=slot.pk).update(capacity=1)

    assert "Dernière place" in page_of(Client().get(url(slot)))


def grow_old() -> None:
    """The seconds after which a page is looked at again have passed for every page kept."""
    for page in quick_pages._pages.values():
        page.good_until = page.gone_after = 0.0


def test_a_page_whose_places_are_the_same_is_looked_at_again_by_one_statement() -> None:
    slot = SlotFactory(capacity=5)
    first = Client().get(url(slot))
    grow_old()

    with CaptureQueriesContext(connection) as queries:
        second = Client().get(url(slot))

    assert len(queries) == 1
    assert without_own(page_of(second)) == without_own(page_of(first))


class TestWhatAnotherProcessHasDrawn:
    """Forgetting what this process keeps makes it another one."""

    def test_is_taken_with_everybodys_own_values(self) -> None:
        slot = SlotFactory(capacity=15)
        first = Client().get(url(slot))
        quick_pages._pages.clear()
        Slot.objects.filter(pk=slot.pk).update(taken=3)

        with CaptureQueriesContext(connection) as queries:
            second = Client().get(url(slot))

        assert len(queries) == 1
        assert own(page_of(second), "submission_id") != own(page_of(first), "submission_id")
        assert without_own(page_of(second)) == without_own(page_of(first)).replace(
            "15\u202f", "12\u202f"
        ).replace("15\u00a0places", "12\u00a0places")

    def test_is_drawn_anew_where_it_says_something_else_by_now(self) -> None:
        slot = SlotFactory(capacity=5)
        Client().get(url(slot))
        quick_pages._pages.clear()
        Slot.objects.filter(pk=slot.pk).update(taken=5)

        assert "Réserver ma place" not in page_of(Client().get(url(slot)))

    def test_is_drawn_anew_when_it_is_old(self) -> None:
        slot = SlotFactory(capacity=5)
        Client().get(url(slot))
        quick_pages._pages.clear()

        with (
            time_machine.travel(NOW + dt.timedelta(hours=2), tick=False),
            CaptureQueriesContext(connection) as queries,
        ):
            Client().get(url(slot))

        assert len(queries) > 1

    def test_is_not_missed_where_nothing_can_be_laid_or_read(self, settings: Any, tmp_path: Path) -> None:
        (tmp_path / "pages").write_text("no folder")
        slot = SlotFactory(capacity=5)

        assert Client().get(url(slot)).status_code == Client().get(url(slot)).status_code == 200


@pytest.mark.parametrize("taken", [1, 3, 4])
def test_while_there_are_places_only_their_words_are_put_in_anew(taken: int, settings: Any) -> None:
    slot = SlotFactory(capacity=15, taken=0)
    Client().get(url(slot))
    Slot.objects.filter(pk=slot.pk).update(taken=taken * 3)
    grow_old()

    with CaptureQueriesContext(connection) as queries:
        filled = Client().get(url(slot))

    assert len(queries) == 1
    settings.QUICK_PAGE_SECONDS = 0.0
    assert without_own(page_of(filled)) == without_own(page_of(Client().get(url(slot))))


def test_a_new_title_stands_on_the_next_page_drawn() -> None:
    slot = full_slot()
    Client().get(url(slot))
    slot.activity.title_fr = "Un tout autre titre"
    with time_machine.travel(NOW + dt.timedelta(seconds=1), tick=False):
        slot.activity.save()
    Slot.objects.filter(pk=slot.pk).update(waiting=1)
    grow_old()

    assert "Un tout autre titre" in page_of(Client().get(url(slot)))


@pytest.mark.parametrize("change", [{"taken": 4}, {"held": 4}, {"reserved": 4}, {"capacity": 1}])
def test_a_page_whose_places_have_changed_is_drawn_again(change: dict[str, int]) -> None:
    slot = SlotFactory(capacity=5)
    assert "Dernière place" not in page_of(Client().get(url(slot)))
    Slot.objects.filter(pk=slot.pk).update(**change)
    grow_old()

    assert "Dernière place" in page_of(Client().get(url(slot)))


def test_nor_is_one_kept_that_shows_another_time_which_has_filled() -> None:
    slot = full_slot()
    other = SlotFactory(activity=slot.activity, capacity=5, start_time=dt.time(19))
    assert f"/creneaux/{other.pk}/inscription/" in page_of(Client().get(url(slot)))
    Slot.objects.filter(pk=other.pk).update(taken=5)
    grow_old()

    assert f'href="/creneaux/{other.pk}/inscription/"' not in page_of(Client().get(url(slot)))


def test_a_page_that_the_clock_alone_changes_is_always_drawn_again() -> None:
    slot = SlotFactory(capacity=5, opens_at=NOW + dt.timedelta(seconds=1))
    assert "Réserver ma place" not in page_of(Client().get(url(slot)))
    grow_old()

    with time_machine.travel(NOW + dt.timedelta(seconds=1), tick=False):
        assert "Réserver ma place" in page_of(Client().get(url(slot)))


def test_a_receipt_says_at_its_next_look_that_the_visit_was_withdrawn() -> None:
    slot = SlotFactory()
    token = write_receipt(slot_id=slot.pk, party_size=1, is_waiting=False, email="camille@example.org")
    Client().get(f"/inscriptions/{token}/")
    Slot.objects.filter(pk=slot.pk).update(state="cancelled", cancelled_at=NOW, revision=1)
    grow_old()

    assert "Cette visite n’aura pas lieu" in page_of(Client().get(f"/inscriptions/{token}/"))


class TestWhoComesTooLate:
    def test_reads_the_same_at_the_first_and_the_later_answers(self) -> None:
        slot = full_slot()
        said = [Client().post(url(slot), answers(email=f"p{number}@example.org")) for number in range(3)]

        assert [response.status_code for response in said] == [409, 409, 409]
        pages = {without_own(page_of(r)).replace(f"p{n}@example.org", "") for n, r in enumerate(said)}
        assert len(pages) == 1
        assert not Registration.objects.exclude(visitor__email="first@example.org").exists()

    def test_finds_what_they_typed_and_nothing_of_others(self) -> None:
        slot = full_slot(activity=ActivityFactory(ask_name=True))
        people = [("ann@example.org", 'Ann "O\'Neil" <b>'), ("bob@example.org", "\\1 & {Bob}")]

        pages = [page_of(Client().post(url(slot), answers(email=mail, name=name))) for mail, name in people]

        assert len(quick_pages._pages) == 1
        assert 'value="ann@example.org"' in pages[0]
        assert "Ann &quot;O&#x27;Neil&quot; &lt;b&gt;" in pages[0]
        assert 'value="bob@example.org"' in pages[1]
        assert "\\1 &amp; {Bob}" in pages[1]
        assert "ann@example.org" not in pages[1]
        assert "Neil" not in pages[1]

    def test_what_is_typed_elsewhere_on_the_page_is_not_kept(self) -> None:
        slot = full_slot(activity=ActivityFactory(ask_name=True, title_fr="Robots de Camille"))

        Client().post(url(slot), answers(name="Camille"))

        assert quick_pages._pages == {}

    def test_each_number_of_places_has_its_answer(self) -> None:
        slot = SlotFactory(capacity=1, activity=ActivityFactory(festival__most_places=5))
        pages = [page_of(Client().post(url(slot), answers(party_size=str(size)))) for size in (2, 3)]

        assert 'value="2"' in pages[0]
        assert 'value="3"' in pages[1]

    def test_costs_one_statement_once_the_answer_is_drawn(self) -> None:
        slot = full_slot()
        Client().post(url(slot), answers(email="a@example.org"))

        with CaptureQueriesContext(connection) as queries:
            Client().post(url(slot), answers(email="b@example.org"))

        assert len(queries) == 1

    def test_a_known_address_hears_what_an_unknown_one_does(self) -> None:
        slot = full_slot()
        said = [
            without_own(page_of(Client().post(url(slot), answers(email=mail)))).replace(mail, "")
            for mail in ("first@example.org", "never@example.org")
        ]

        assert said[0] == said[1]
        assert not Message.objects.filter(kind=Message.Kind.ALREADY_REGISTERED).exists()

    def test_the_form_that_got_the_last_place_still_gets_it_when_sent_again(self) -> None:
        slot, form = SlotFactory(capacity=1), answers()
        first = Client().post(url(slot), form)

        again = Client().post(url(slot), form)

        assert (first.status_code, again.status_code) == (302, 302)
        assert Registration.objects.count() == 1

    def test_the_answer_a_known_address_got_is_given_again(self) -> None:
        slot, form = SlotFactory(capacity=2), answers(email="first@example.org")
        register_party(
            slot_id=slot.pk, email="first@example.org", party_size=1, submission_id=uuid.uuid4(), now=NOW
        )
        assert Client().post(url(slot), form).status_code == 302
        Slot.objects.filter(pk=slot.pk).update(capacity=1)

        assert Client().post(url(slot), form).status_code == 302

    def test_places_released_at_this_second_are_given(self) -> None:
        slot = SlotFactory(capacity=2, taken=0, reserved=2, next_release_at=NOW)
        Pool.objects.create(slot=slot, kind="later", places=2, releases_at=NOW)

        assert Client().post(url(slot), answers()).status_code == 302


class TestTheReceipt:
    def test_shows_each_address_to_its_reader(self) -> None:
        slot = SlotFactory()
        seen = [
            page_of(Client().post(url(slot), answers(email=mail), follow=True))
            for mail in ("anna-maria@example.org", "b@example.net")
        ]

        assert len([key for key in quick_pages._pages if key[0] == "receipt"]) == 1  # type: ignore[index]
        assert ["an…a@example.org" in page for page in seen] == [True, False]
        assert ["b…@example.net" in page for page in seen] == [False, True]
        assert (
            len({token for page in seen for token in re.findall(r'value="(/inscriptions/[^"]+)"', page)}) == 2
        )


def test_without_holes_a_kept_page_would_mix_two_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard off: the first reader's page as it is."""

    def keep_all(_request: HttpRequest, response: Any, *_rest: Any) -> list[bytes | str]:
        return [response.content]

    monkeypatch.setattr(quick_pages, "_cut", keep_all)
    slot = full_slot()
    Client().post(url(slot), answers(email="ann@example.org"))

    assert "ann@example.org" in page_of(Client().post(url(slot), answers(email="bob@example.org")))


def test_a_moment_is_asked_of_the_server_before_it_opens() -> None:
    slot = SlotFactory(opens_at=NOW + dt.timedelta(hours=1))

    assert Client().post(url(slot), answers()).status_code == 409
    assert not Registration.objects.exists()


def test_a_visitor_known_on_this_device_shares_no_page() -> None:
    """Neither is theirs drawn for others, nor theirs taken from others: the one who could leak is there."""
    slot = SlotFactory(start_time=dt.time(14))
    held = register_party(
        slot_id=SlotFactory(start_time=dt.time(14, 15), activity__title_fr="Le four solaire").pk,
        email="camille@example.org",
        party_size=1,
        submission_id=uuid.uuid4(),
        now=NOW,
    ).registration
    owner = Client()
    owner.get(f"/mes-visites/{held.visitor.token}/")

    pages = [client.get(url(slot)).content.decode() for client in (owner, Client(), owner, Client())]

    assert ["Le four solaire" in page for page in pages] == [True, False, True, False]
    assert ["camille@example.org" in page for page in pages] == [True, False, True, False]


def test_receipts_to_be_confirmed_and_others_are_two_pages() -> None:
    slot = SlotFactory()
    tokens = [
        write_receipt(
            slot_id=slot.pk, party_size=1, is_waiting=False, email="camille@example.org", must_confirm=must
        )
        for must in (False, True)
    ]

    pages = [Client().get(f"/inscriptions/{token}/").content.decode() for token in tokens]

    assert ["dans les 30\xa0minutes" in page for page in pages] == [False, True]
