"""The pages of a draw as a visitor walks them, in both languages, with what they must not tell."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events.links import registration_token
from events.models import Ballot, BallotEntry, Message, Mode, Registration, Slot
from events.registration.ballot import enter_ballot, withdraw_entry
from events.registration.draw import differences, from_file
from events.registration.drawing import draw_ballot
from tests.factories import NOW, ActivityFactory, BallotFactory, SlotFactory

pytestmark = pytest.mark.django_db
AFTER = NOW + dt.timedelta(days=1)
EMAIL = "camille@example.org"


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as moving:
        yield moving


@pytest.fixture
def ballot() -> Ballot:
    made: Ballot = BallotFactory(name_fr="Les ateliers rares", slug="rares")
    return made


def a_slot(ballot: Ballot, hour: int = 9, **fields: Any) -> Slot:
    of = fields.pop("of", {})
    activity = ActivityFactory(festival=ballot.festival, ballot=ballot, mode=Mode.BALLOT, **of)
    slot: Slot = SlotFactory(activity=activity, start_time=dt.time(hour), **fields)
    return slot


def typed(*slots: Slot, **changes: Any) -> dict[str, Any]:
    wishes = {f"wish_{number}": slot.pk for number, slot in enumerate(slots, 1)}
    return {
        "email": EMAIL, "party_size": "2", "submission_id": str(uuid.uuid4()), **wishes, **changes,
    }  # fmt: skip


def entered(ballot: Ballot, *slots: Slot, email: str = EMAIL) -> BallotEntry:
    return enter_ballot(
        ballot_id=ballot.pk, email=email, party_size=1, wishes=[slot.pk for slot in slots],
        submission_id=uuid.uuid4(), now=NOW,
    )  # fmt: skip


ENTER = "/tirages/rares/participer/"


class TestThePage:
    def test_says_what_when_and_how(self, client: Client, ballot: Ballot) -> None:
        a_slot(ballot, of={"title_fr": "Un robot au jardin"})

        page = client.get("/tirages/rares/").content.decode()

        assert "Un robot au jardin" in page
        assert "24\u00a0heures" in page
        assert ballot.seed_hash in page
        assert ballot.seed not in page
        assert ENTER in page

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            (
                {"opens_at": NOW + dt.timedelta(days=5), "closes_at": NOW + dt.timedelta(days=9)},
                "5\u00a0jours",
            ),
            ({"closes_at": NOW - dt.timedelta(hours=1)}, "La participation a fermé"),
            ({"closes_at": NOW + dt.timedelta(minutes=45)}, "45\u00a0minutes"),
        ],
    )
    def test_says_how_it_stands(self, client: Client, fields: dict[str, Any], said: str) -> None:
        BallotFactory(slug="rares", **fields)

        assert said in client.get("/tirages/rares/").content.decode()

    def test_after_the_draw_it_gives_what_replays_it(self, client: Client, ballot: Ballot) -> None:
        slot = a_slot(ballot, capacity=1)
        codes = [str(entered(ballot, slot, email=f"v{n}@example.org").code) for n in range(3)]
        draw_ballot(ballot_id=ballot.pk, now=AFTER)

        page = client.get("/tirages/rares/").content.decode()
        file = client.get("/tirages/rares/tirage.json")

        assert ballot.seed in page
        assert all(code in page for code in codes)
        assert differences(from_file(json.loads(file.content))) == []
        assert b"example.org" not in file.content

    def test_the_file_is_not_there_before(self, client: Client, ballot: Ballot) -> None:
        assert client.get("/tirages/rares/tirage.json").status_code == 404

    def test_the_order_is_read_fifty_at_a_time(self, client: Client, ballot: Ballot) -> None:
        slot = a_slot(ballot)
        for number in range(51):
            BallotEntry.objects.create(
                ballot=ballot, submission_id=uuid.uuid4(), submission_hash="", party_size=1,
                created_at=NOW, rank=number + 1,
            )  # fmt: skip
        Ballot.objects.filter(pk=ballot.pk).update(
            drawn_at=AFTER, places_at_draw={"seed": "s", "most_per_day": None, "slots": {}, "limits": {}}
        )

        first, rest = client.get("/tirages/rares/"), client.get("/tirages/rares/?apres=50")

        assert (len(first.context["order"]), len(rest.context["order"])) == (50, 1)
        assert client.get("/tirages/rares/?apres=x").status_code == 200
        assert slot.pk

    def test_of_an_edition_that_is_not_public_nothing_shows(self, client: Client) -> None:
        BallotFactory(slug="rares", festival__state="draft")

        assert client.get("/tirages/rares/").status_code == client.get(ENTER).status_code == 404

    def test_costs_the_same_for_one_and_three(self, client: Client, ballot: Ballot) -> None:
        costs: list[int] = []
        for _round in range(2):
            a_slot(ballot, 9 + len(costs) * 3)
            with CaptureQueriesContext(
                connection,
            ) as seen:
                client.get("/tirages/rares/")
            costs.append(len(seen))
            a_slot(ballot, 10 + len(costs) * 3)
        assert costs[0] == costs[1]


class TestEntering:
    def test_leads_to_a_receipt_and_a_mail(self, client: Client, ballot: Ballot) -> None:
        first, second = a_slot(ballot, 9), a_slot(ballot, 11)

        answer = client.post(ENTER, typed(second, first), follow=True)

        assert answer.status_code == 200
        assert "ca…e@example.org" in answer.content.decode()
        entry = BallotEntry.objects.get()
        assert [w.slot_id for w in entry.wishes.order_by("rank")] == [second.pk, first.pk]
        assert str(entry.code) not in answer.content.decode()

    def test_shows_the_same_to_a_known_address(self, client: Client, ballot: Ballot) -> None:
        slot = a_slot(ballot)
        pages = []
        for _ in range(2):
            page = client.post(ENTER, typed(slot), follow=True).content.decode()
            pages.append(re.sub(r"/recu/[^/]+/|nonce=\"[^\"]+\"|value=\"[^\"]{60,}\"", "", page))

        assert pages[0] == pages[1]
        assert BallotEntry.objects.count() == 1
        assert Message.objects.count() == 2

    def test_comes_from_a_slot_with_it_as_first_choice(self, client: Client, ballot: Ballot) -> None:
        a_slot(ballot, 9)
        slot = a_slot(ballot, 11)

        link = f"{ENTER}?creneau={slot.pk}"

        assert link in client.get(slot.get_absolute_url()).content.decode()
        assert client.get(f"/creneaux/{slot.pk}/inscription/").headers["Location"] == link
        assert f'<option value="{slot.pk}" selected>' in client.get(link).content.decode()

    @pytest.mark.parametrize("asked", ["x", "9" * 30, "-1", ""])
    def test_a_slot_that_is_none_is_no_choice(self, client: Client, ballot: Ballot, asked: str) -> None:
        a_slot(ballot)

        assert client.get(ENTER, {"creneau": asked}).status_code == 200

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"email": "camille"}, "email"),
            ({"email": ""}, "email"),
            ({"party_size": "0"}, "party_size"),
            ({"party_size": "5"}, "party_size"),
            ({"party_size": "deux"}, "party_size"),
            ({"wish_1": ""}, "wish_1"),
            ({"wish_1": "999999"}, "wish_1"),
            ({"submission_id": ""}, "submission_id"),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field(
        self, client: Client, ballot: Ballot, changes: dict[str, str], field: str
    ) -> None:
        answer = client.post(ENTER, typed(a_slot(ballot), **changes))

        assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
        assert not BallotEntry.objects.exists()

    def test_the_same_wish_twice_is_said_at_the_second(self, client: Client, ballot: Ballot) -> None:
        slot, _other = a_slot(ballot, 9), a_slot(ballot, 11)

        answer = client.post(ENTER, typed(slot, slot))

        assert list(answer.context["form"].errors) == ["wish_2"]

    def test_a_name_is_asked_for_where_a_wish_needs_one(self, client: Client, ballot: Ballot) -> None:
        slot = a_slot(ballot, of={"ask_name": True})

        answer = client.post(ENTER, typed(slot))

        assert list(answer.context["form"].errors) == ["name"]
        assert client.post(ENTER, typed(slot, name="Camille")).status_code == 302

    @pytest.mark.parametrize("at", [NOW - dt.timedelta(days=2), AFTER])
    def test_only_while_it_is_open(self, client: Client, ballot: Ballot, at: dt.datetime, clock: Any) -> None:
        slot = a_slot(ballot)
        clock.move_to(at)

        assert client.get(ENTER).status_code == 200
        assert client.post(ENTER, typed(slot)).status_code == 409
        assert not BallotEntry.objects.exists()

    def test_a_form_sent_again_with_other_answers(self, client: Client, ballot: Ballot) -> None:
        slot, same = a_slot(ballot), str(uuid.uuid4())
        client.post(ENTER, typed(slot, submission_id=same))

        assert client.post(ENTER, typed(slot, submission_id=same, party_size="1")).status_code == 422

    def test_a_peer_that_hurries_waits_and_loses_nothing(
        self, client: Client, ballot: Ballot, settings: Any
    ) -> None:
        settings.RATE_LIMIT_FACTOR = 1 / 120
        slot = a_slot(ballot)

        client.post(ENTER, typed(slot))
        answer = client.post(ENTER, typed(slot, email="v0@example.org"))

        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0
        assert 'value="v0@example.org"' in answer.content.decode()

    @pytest.mark.parametrize("token", ["x", "x:y:z"])
    def test_a_receipt_nobody_wrote(self, client: Client, ballot: Ballot, token: str) -> None:
        assert client.get(reverse("events:ballot_receipt", args=["rares", token])).status_code == 404

    def test_a_receipt_of_another_ballot_and_an_old_one(
        self, client: Client, ballot: Ballot, clock: Any
    ) -> None:
        BallotFactory(slug="autre")
        receipt = client.post(ENTER, typed(a_slot(ballot))).headers["Location"]

        assert client.get(receipt.replace("rares", "autre")).status_code == 404
        clock.move_to(NOW + dt.timedelta(days=4))
        assert client.get(receipt).status_code == 410


class TestOnesOwnEntry:
    def page(self, entry: BallotEntry) -> str:
        assert entry.visitor is not None
        return reverse("events:my_ballot_entry", args=[entry.visitor.token, entry.code])

    def test_is_on_my_visits_and_can_be_changed(self, client: Client, ballot: Ballot) -> None:
        one, two = a_slot(ballot, 9), a_slot(ballot, 11)
        entry = entered(ballot, one)
        assert entry.visitor is not None

        mine = client.get(reverse("events:my_visits", args=[entry.visitor.token])).content.decode()
        assert self.page(entry) in mine
        assert "Un vœu, pour 1\u00a0place" in mine
        assert str(entry.code) in client.get(self.page(entry)).content.decode()
        answer = client.post(self.page(entry), typed(two, one, act="change"))

        assert answer.status_code == 302
        assert [w.slot_id for w in entry.wishes.order_by("rank")] == [two.pk, one.pk]

    def test_a_wrong_change_is_said_and_changes_nothing(self, client: Client, ballot: Ballot) -> None:
        entry = entered(ballot, a_slot(ballot))

        answer = client.post(self.page(entry), {"act": "change", "party_size": "9"})

        assert answer.status_code == 422
        assert entry.wishes.count() == 1

    def test_get_changes_nothing_post_withdraws(self, client: Client, ballot: Ballot) -> None:
        entry = entered(ballot, a_slot(ballot))

        client.get(self.page(entry), {"act": "withdraw"})
        entry.refresh_from_db()
        assert entry.withdrawn_at is None
        client.post(self.page(entry), {"act": "withdraw"})
        again = client.post(self.page(entry), {"act": "withdraw"}, follow=True)

        entry.refresh_from_db()
        assert entry.withdrawn_at == NOW
        assert "Rien n’a été changé" in again.content.decode()

    def test_after_the_closing_it_stays(self, client: Client, ballot: Ballot, clock: Any) -> None:
        slot = a_slot(ballot)
        entry = entered(ballot, slot)
        clock.move_to(AFTER)

        answer = client.post(self.page(entry), {"act": "withdraw"}, follow=True)

        assert "La participation est close" in answer.content.decode()

    def test_confirms_the_address_where_the_edition_asks(self, client: Client, ballot: Ballot) -> None:
        ballot.festival.confirms_addresses = True
        ballot.festival.save()
        entry = entered(ballot, a_slot(ballot))

        assert "Oui, je participe" in client.get(self.page(entry)).content.decode()
        client.post(self.page(entry), {"act": "confirm"})

        assert "Oui, je participe" not in client.get(self.page(entry)).content.decode()

    def test_shows_what_was_won_and_what_was_not(self, client: Client, ballot: Ballot, clock: Any) -> None:
        slot = a_slot(ballot, capacity=1)
        entries = [entered(ballot, slot, email=f"v{n}@example.org") for n in range(2)]
        draw_ballot(ballot_id=ballot.pk, now=AFTER)
        clock.move_to(AFTER)
        said = {}
        for entry in entries:
            entry.refresh_from_db()
            said[entry.rank] = client.get(self.page(entry)).content.decode()

        assert "Vous avez gagné" in said[1]
        assert "Plus rien ne restait" in said[2]

    def test_opens_to_its_owner_alone(self, client: Client, ballot: Ballot) -> None:
        slot = a_slot(ballot)
        mine, theirs = entered(ballot, slot), entered(ballot, slot, email="b@example.org")
        assert mine.visitor is not None
        own = SlotFactory(activity=ActivityFactory(festival=ballot.festival))
        visit = Registration.objects.create(
            slot=own, visitor=mine.visitor, submission_id=uuid.uuid4(), submission_hash="", party_size=1,
            status="confirmed", created_at=NOW,
        )  # fmt: skip
        of_partner = registration_token(visit.pk)

        for token, code in (
            (mine.visitor.token, theirs.code),
            (mine.visitor.token, "x"),
            (mine.visitor.token, uuid.uuid4()),
            (of_partner, mine.code),
        ):
            address = reverse("events:my_ballot_entry", args=[token, code])
            assert client.get(address).status_code == client.post(address).status_code == 404
        page = client.get(reverse("events:my_visits", args=[of_partner])).content.decode()
        assert str(mine.code) not in page

    def test_withdrawn_entries_leave_my_visits(self, client: Client, ballot: Ballot) -> None:
        entry = entered(ballot, a_slot(ballot))
        withdraw_entry(entry_id=entry.pk, now=NOW)
        assert entry.visitor is not None

        page = client.get(reverse("events:my_visits", args=[entry.visitor.token])).content.decode()

        assert str(entry.code) not in page
        assert "Participer à nouveau" in client.get(self.page(entry)).content.decode()


@pytest.mark.parametrize("path", ["/tirages/rares/", ENTER])
def test_in_english_too(client: Client, ballot: Ballot, path: str) -> None:
    a_slot(ballot)

    page = client.get(path, headers={"accept-language": "en"}, follow=True)

    assert "Take part in the ballot" in page.content.decode()


def test_the_api_says_it(client: Client, ballot: Ballot) -> None:
    slot = a_slot(ballot)

    said = client.get(f"/api/v1/slots/{slot.pk}/").json()

    assert (said["mode"], said["status"]) == ("ballot", "ballot")
    assert said["ballot"]["closes_at"] == "2027-05-04T10:00:00+02:00"
    assert said["ballot"]["url"].endswith("/tirages/rares/")
