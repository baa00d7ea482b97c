"""What is owed to a partner's server arrives, signed; what does not is tried again, then given up."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import uuid
from typing import Any

import pytest

from events import outside
from events.models import Delivery, Slot, Webhook
from events.outside import Unreachable, is_public
from events.partners import pause_webhook, resume_webhook, send_again, try_webhook
from events.refusals import Reason, Refused
from events.registration.book import register_party
from events.webhooks import deliver, reach
from events.webhooks.deliver import claim, deliver_webhooks
from events.webhooks.reach import post
from events.webhooks.tell import Event, tell_registrations
from tests.factories import NOW, RegistrationFactory, SlotFactory
from tests.ground.receiver import Receiver

from .conftest import listen

pytestmark = pytest.mark.django_db
SECOND, MINUTE, HOUR, DAY = (dt.timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))


def owe(slot: Slot, now: dt.datetime = NOW) -> Delivery:
    """One delivery to the slot's only webhook."""
    registration = RegistrationFactory(slot=slot)
    tell_registrations(Event.BOOKED, [registration.pk], now=now)
    return Delivery.objects.order_by("-pk")[0]


def is_signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """The check of docs/partners.md, word for word, by somebody who has the secret and nothing of ours."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [one.partition(",")[2] for one in headers["webhook-signature"].split() if one.startswith("v1,")]
    return any(hmac.compare_digest(one, expected) for one in given)


class TestArriving:
    def test_it_arrives_signed_as_the_specification_says(
        self, slot: Slot, hook: Webhook, receiver: Receiver
    ) -> None:
        delivery = owe(slot)

        assert deliver_webhooks(now=NOW) == {"sent": 1}

        told = receiver.told[0]
        assert json.loads(told.body) == delivery.payload
        assert told.path == "/festival?of=ours"
        assert told.headers["content-type"] == "application/json"
        assert told.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
        assert is_signed(hook.secret, told.headers, told.body)
        assert not is_signed(hook.secret, told.headers, told.body.replace(b"confirmed", b"cancelled"))
        assert not is_signed(listen(SlotFactory()).secret, told.headers, told.body)
        delivery.refresh_from_db()
        assert (delivery.status, delivery.last_status, delivery.attempts) == ("sent", 204, 1)
        assert delivery.delivered_at == NOW

    def test_it_arrives_once(self, slot: Slot, hook: Webhook, receiver: Receiver) -> None:
        owe(slot)

        deliver_webhooks(now=NOW)
        deliver_webhooks(now=NOW + HOUR)

        assert len(receiver.told) == 1

    def test_the_secret_has_256_bits(self, hook: Webhook) -> None:
        assert len(base64.b64decode(hook.secret.removeprefix("whsec_"), validate=True)) == 32


class TestNotArriving:
    @pytest.mark.parametrize(
        ("trouble", "status", "said"),
        [
            ({"answer": 500, "text": "Panne\x00\nici"}, 500, "Panne  ici"),
            ({"answer": 404}, 404, ""),
            ({"answer": 302, "redirect_to": "http://127.0.0.1:1/"}, 302, ""),
            ({"drop": True}, None, "RemoteDisconnected"),
            ({"stall": 30}, None, "no answer in time"),
            ({"drip": 0.02}, None, "no answer in time"),
            ({"answer": 200, "drip": 0.02, "has_head": True}, None, "no answer in time"),
        ],
        ids=["error", "not found", "redirect", "drops", "stalls", "drips", "drips without end"],
    )
    def test_it_is_tried_again_later(
        self,
        slot: Slot,
        hook: Webhook,
        receiver: Receiver,
        monkeypatch: pytest.MonkeyPatch,
        trouble: dict[str, Any],
        status: int | None,
        said: str,
    ) -> None:
        monkeypatch.setattr(outside, "PATIENCE", 0.3)
        monkeypatch.setattr(reach, "LONGEST", 0.5)
        vars(receiver).update(trouble)
        delivery = owe(slot)

        assert deliver_webhooks(now=NOW) == {"delayed": 1}

        delivery.refresh_from_db()
        assert (delivery.status, delivery.attempts, delivery.last_status) == ("pending", 1, status)
        assert delivery.last_answer.startswith(said)
        assert delivery.next_attempt_at == NOW + 30 * SECOND
        assert len(receiver.told) == 1
        hook.refresh_from_db()
        assert hook.failures == 1

    def test_a_server_that_comes_back_is_told_under_the_same_name(
        self, slot: Slot, hook: Webhook, receiver: Receiver
    ) -> None:
        receiver.answer = 503
        owe(slot)
        deliver_webhooks(now=NOW)
        receiver.answer = 200

        assert deliver_webhooks(now=NOW + MINUTE) == {"sent": 1}

        first, second = receiver.told
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert is_signed(hook.secret, second.headers, second.body)
        hook.refresh_from_db()
        assert hook.failures == 0

    def test_the_delay_grows_and_after_three_days_it_is_given_up_and_the_webhook_paused(
        self, slot: Slot, hook: Webhook, receiver: Receiver
    ) -> None:
        receiver.answer = 500
        delivery, at, waits = owe(slot), NOW, []
        while delivery.status == "pending":
            deliver_webhooks(now=at)
            delivery.refresh_from_db()
            waits.append(delivery.next_attempt_at - at)
            at = delivery.next_attempt_at

        assert waits[:6] == [30 * SECOND, 2 * MINUTE, 8 * MINUTE, 32 * MINUTE, 128 * MINUTE, 6 * HOUR]
        assert (delivery.status, delivery.last_status) == ("failed", 500)
        assert 2 * DAY < at - NOW <= 3 * DAY
        hook.refresh_from_db()
        assert hook.was_given_up

    def test_a_server_that_says_gone_is_left_alone(
        self, slot: Slot, hook: Webhook, receiver: Receiver
    ) -> None:
        receiver.answer = 410
        owe(slot)

        assert deliver_webhooks(now=NOW) == {"failed": 1}

        hook.refresh_from_db()
        assert hook.was_given_up

    def test_one_that_fails_rests_and_does_not_hold_up_the_others(
        self, slot: Slot, hook: Webhook, receiver: Receiver
    ) -> None:
        receiver.answer = 500
        other_slot, other = SlotFactory(), Receiver()
        listen(other_slot, other.url)
        for _time in range(3):
            owe(slot)
        owe(other_slot)

        assert deliver_webhooks(now=NOW) == {"delayed": 3, "sent": 1}
        other.stop()

        assert len(receiver.told) == 1
        assert sorted(Delivery.objects.filter(webhook=hook).values_list("attempts", flat=True)) == [0, 0, 1]


class TestDying:
    def test_what_a_dead_worker_held_goes_once_more(
        self, slot: Slot, hook: Webhook, receiver: Receiver
    ) -> None:
        owe(slot)
        claim(token=uuid.uuid4(), now=NOW, size=10)

        assert deliver_webhooks(now=NOW + MINUTE) == {}
        assert deliver_webhooks(now=NOW + 3 * MINUTE) == {"sent": 1}

    def test_who_lost_the_lease_sends_nothing(self, slot: Slot, hook: Webhook, receiver: Receiver) -> None:
        delivery, mine = owe(slot), uuid.uuid4()
        claim(token=mine, now=NOW, size=10)
        deliver.release_leases(now=NOW + HOUR)

        assert deliver._deliver(delivery.pk, mine, lambda: NOW, {}) == "left to another"
        assert receiver.told == []


class TestTheOrganiser:
    def test_a_paused_webhook_gets_nothing_and_what_waits_when_it_is_resumed(
        self, slot: Slot, hook: Webhook, receiver: Receiver
    ) -> None:
        owe(slot)
        pause_webhook(webhook_id=hook.pk)
        deliver_webhooks(now=NOW)
        assert receiver.told == []

        resume_webhook(webhook_id=hook.pk, now=NOW + HOUR)

        assert deliver_webhooks(now=NOW + HOUR) == {"sent": 1}

    def test_a_paused_webhook_can_be_tried(self, slot: Slot, hook: Webhook, receiver: Receiver) -> None:
        pause_webhook(webhook_id=hook.pk)
        hook.refresh_from_db()

        try_webhook(webhook=hook, now=NOW)
        deliver_webhooks(now=NOW)

        assert json.loads(receiver.told[0].body)["type"] == "ping"

    def test_sending_again_repeats_it_under_the_same_name(
        self, slot: Slot, hook: Webhook, receiver: Receiver
    ) -> None:
        delivery = owe(slot)
        deliver_webhooks(now=NOW)

        send_again(delivery_id=delivery.pk, now=NOW + HOUR)
        deliver_webhooks(now=NOW + HOUR)

        first, second = receiver.told
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.body == second.body

    def test_one_failed_repetition_of_an_old_delivery_pauses_nobody(
        self, slot: Slot, hook: Webhook, receiver: Receiver
    ) -> None:
        delivery = owe(slot)
        deliver_webhooks(now=NOW)
        receiver.answer = 500

        send_again(delivery_id=delivery.pk, now=NOW + 9 * DAY)

        assert deliver_webhooks(now=NOW + 9 * DAY) == {"failed": 1}
        hook.refresh_from_db()
        assert hook.is_active

    def test_what_is_on_its_way_is_not_sent_again(self, slot: Slot, hook: Webhook) -> None:
        delivery = owe(slot)
        claim(token=uuid.uuid4(), now=NOW, size=10)

        with pytest.raises(Refused) as refused:
            send_again(delivery_id=delivery.pk, now=NOW)

        assert refused.value.reason == Reason.WRONG_STATE


class TestWhereTo:
    """Who names an address names no machine behind our wall (SSRF)."""

    @pytest.mark.parametrize(
        "address",
        [
            *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
            *("0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1"),
            *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "192.0.2.1"),
            *("::7f00:1", "fec0::1", "4000::1"),
        ],
    )
    def test_an_address_of_our_own_is_not_public(self, address: str) -> None:
        assert not is_public(address)

    @pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
    def test_an_address_of_the_public_network_is(self, address: str) -> None:
        assert is_public(address)

    @pytest.mark.parametrize(
        "url",
        [
            *("https://127.0.0.1/", "https://localhost/", "https://[::1]:8443/", "https://169.254.169.254/"),
            *("https://2130706433/", "https://0x7f.1/", "https://[::ffff:127.0.0.1]/"),
        ],
    )
    def test_nothing_is_sent_to_a_private_network(self, settings: Any, url: str) -> None:
        settings.WEBHOOK_ALLOW_PRIVATE = False

        with pytest.raises(Unreachable, match="private network"):
            post(url, body=b"{}", headers={})

    @pytest.mark.parametrize("url", ["http://93.184.216.34/", "ftp://93.184.216.34/", "file:///etc/passwd"])
    def test_nothing_is_sent_without_encryption(self, settings: Any, url: str) -> None:
        settings.WEBHOOK_ALLOW_PRIVATE = False

        with pytest.raises(Unreachable, match="https only"):
            post(url, body=b"{}", headers={})

    def test_a_refused_address_reaches_nobody(
        self, settings: Any, slot: Slot, hook: Webhook, receiver: Receiver
    ) -> None:
        owe(slot)
        settings.WEBHOOK_ALLOW_PRIVATE = False

        deliver_webhooks(now=NOW)

        assert receiver.told == []

    def test_the_connection_goes_to_the_address_that_was_looked_at(
        self, settings: Any, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A name that answers otherwise the second time changes nothing: it is asked once."""
        asked = []

        def resolve(host: str, port: int, *, private: bool) -> list[str]:
            asked.append(host)
            return ["127.0.0.1"]

        monkeypatch.setattr(outside, "_resolve", resolve)
        port = receiver.url.partition("127.0.0.1:")[2].partition("/")[0]

        answer = post(f"http://partner.invalid:{port}/", body=b"{}", headers={})

        assert answer.status == 204
        assert asked == ["partner.invalid"]
        assert receiver.told[0].headers["host"] == f"partner.invalid:{port}"


def test_the_booking_itself_needs_no_partner(slot: Slot, hook: Webhook, receiver: Receiver) -> None:
    """The server is down: the visitor is answered all the same, the debt stands."""
    receiver.stop()

    booking = register_party(
        slot_id=slot.pk, email="camille@example.org", party_size=1, submission_id=uuid.uuid4(), now=NOW
    )

    assert booking.registration.status == "confirmed"
    assert Delivery.objects.filter(status="pending").count() == 1
