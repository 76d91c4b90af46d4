"""What does a webhook request look like? Pretty JSON and a signature over it."""

import hashlib
import hmac
import json

from billing import clock
from billing.emulator.account import Resource


def signed(event: Resource, secret: str) -> tuple[bytes, dict[str, str]]:
    """Give the body of an event and the headers that prove it, signed at this moment."""
    body = json.dumps(event, indent=2).encode()
    moment = clock.to_unix(clock.utc_now())
    digest = hmac.new(secret.encode(), b"%d." % moment + body, hashlib.sha256).hexdigest()
    return body, {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (emulator)",
        "Stripe-Signature": f"t={moment},v1={digest}",
    }
