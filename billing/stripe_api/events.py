"""Is this really from Stripe, and what does it say? Signed bytes to an Event."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import orjson
from stripe import SignatureVerificationError, WebhookSignature

from billing import clock
from billing.errors import Malformed
from billing.stripe_api.snapshots.shapes import seconds_of, text_of, word_of

API_VERSION = "2026-10-28.endive"
TOLERANCE = 300

log = logging.getLogger(__name__)


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
            envelope = _read(body)
        except (ValueError, RecursionError):  # nested deeper than anyone could read
            raise MalformedEvent("The signed body is not JSON.") from None
        if not isinstance(envelope, dict):
            raise MalformedEvent("The signed body is not a JSON object.")
        for name in ("id", "type"):
            if word_of(envelope.get(name)) is None:
                raise MalformedEvent(f"The event has no {name}.")
        livemode = envelope.get("livemode")
        return cls(
            id=envelope["id"],
            type=envelope["type"],
            body=body,
            object=_object_of(envelope),
            created=seconds_of(envelope.get("created")),
            api_version=word_of(envelope.get("api_version")),
            livemode=livemode if isinstance(livemode, bool) else None,
            account=text_of(envelope.get("account")) or text_of(envelope.get("context")),
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


def watch_version(event: Event) -> None:
    """Warn of an event of another API version, once for each version in a process.

    It works all the same: what it tells of is fetched in the pinned version.
    """
    if event.api_version != API_VERSION:
        _warn_of(event.api_version)


def _is_signed(text: str, header: str, secret: str, tolerance: int) -> bool:
    try:
        WebhookSignature.verify_header(text, header, secret, tolerance=tolerance)
        return _signed_at(header) <= clock.to_unix(clock.utc_now()) + tolerance
    except (SignatureVerificationError, TypeError, ValueError):
        return False  # TypeError: a signature outside ASCII; ValueError: `t=1=2`


def _signed_at(header: str) -> int:
    return next(int(part[2:]) for part in header.split(",") if part.startswith("t="))


def _read(body: str) -> Any:
    """Read JSON fast; what the fast one refuses (half a surrogate) the tolerant one may take."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(body)


def _object_of(envelope: Mapping[str, Any]) -> Mapping[str, Any]:
    data = envelope.get("data")
    found = data.get("object") if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


@lru_cache(maxsize=100)
def _warn_of(api_version: str | None) -> None:
    log.warning(
        "api_version=%s pinned=%s outcome=read_by_refresh "
        "(set the webhook endpoint to the pinned version: only its payloads are shown at once)",
        api_version,
        API_VERSION,
    )
