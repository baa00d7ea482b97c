"""Signatures as the Standard Webhooks specification has them (standardwebhooks.com, version 1)."""

from __future__ import annotations

import base64
import hashlib
import hmac

from events.links import hash_of
from events.models import Delivery


def message_id(delivery: Delivery) -> str:
    """The name of what is told, the same at every try: a partner who knows it already drops the double."""
    return f"msg_{hash_of(delivery.dedupe_key)[:32]}"


def headers_of(*, secret: bytes, name: str, at: int, body: bytes) -> dict[str, str]:
    """``at``: when this try is made, in seconds since 1970; old ones are refused by careful receivers."""
    mac = hmac.new(secret, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": name,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }
