"""Is this really from Stripe, and what does it say? Signed bytes to an Event."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from stripe import SignatureVerificationError, WebhookSignature

from billing import clock
from billing.errors import Malformed

API_VERSION = "2026-10-28.endive"
TOLERANCE = 300


class BadSignature(Malformed):
    """No configured secret made this signature over this body at this time."""

    code = "bad_signature"


class MalformedEvent(Malformed):
    """The body is signed, but is no event: nothing in it can be kept under a name."""

    code = "malformed_event"


@dataclass(frozen=True, slots=True)
class Event:
    """One webhook event. `object` is Stripe's dict as it came, or empty where there is none."""

    id: str
    type: str
    body: str
    object: Mapping[str, Any]
    created: int | None
    api_version: str | None
    livemode: bool | None
    account: str | None
    is_thin: bool

    @classmethod
    def parse(cls, body: str) -> Self:
        """Read a body whose signature was verified. Raises MalformedEvent."""
        try:
            envelope = json.loads(body)
        except ValueError:
            raise MalformedEvent("The signed body is not JSON.") from None
        if not isinstance(envelope, dict):
            raise MalformedEvent("The signed body is not a JSON object.")
        for name in ("id", "type"):
            if not isinstance(envelope.get(name), str) or not envelope[name]:
                raise MalformedEvent(f"The event has no {name}.")
        created = envelope.get("created")
        livemode = envelope.get("livemode")
        return cls(
            id=envelope["id"],
            type=envelope["type"],
            body=body,
            object=_object_of(envelope),
            created=created if type(created) is int else None,
            api_version=_text(envelope.get("api_version")),
            livemode=livemode if isinstance(livemode, bool) else None,
            account=_text(envelope.get("account")) or _text(envelope.get("context")),
            is_thin=envelope.get("object") == "v2.core.event",
        )


def verified_event(
    body: bytes, header: str, secrets: Sequence[str], *, tolerance: int = TOLERANCE
) -> Event:
    """Check the signature against every secret, then read the event once.

    The SDK's `construct_event` would build typed objects that nobody needs, and lets signatures
    from the future pass. Raises BadSignature or MalformedEvent.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise MalformedEvent("The body is not UTF-8 text.") from None
    if not any(_is_signed(text, header, secret, tolerance) for secret in secrets):
        raise BadSignature("The Stripe-Signature header does not match this body.")
    return Event.parse(text)


def _is_signed(text: str, header: str, secret: str, tolerance: int) -> bool:
    try:
        WebhookSignature.verify_header(text, header, secret, tolerance=tolerance)
    except (SignatureVerificationError, TypeError):  # TypeError: a signature outside ASCII
        return False
    return _signed_at(header) <= clock.to_unix(clock.utc_now()) + tolerance


def _signed_at(header: str) -> int:
    return next(int(part[2:]) for part in header.split(",") if part.startswith("t="))


def _object_of(envelope: Mapping[str, Any]) -> Mapping[str, Any]:
    data = envelope.get("data")
    found = data.get("object") if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
