"""Where does Stripe post? Signed bytes in; 200 means that the event is durable here."""

import logging
from collections.abc import Callable

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from billing.errors import BodyTooLarge
from billing.models import EventState
from billing.settings import settings
from billing.stripe_api.events import Event, verified_event, watch_version
from billing.stripe_sync import dispatch, inbox, processing
from billing.web.reading import reading_body
from config import Processing

BODY_CAP = 512 * 1024

log = logging.getLogger(__name__)
webhooks = Blueprint("webhooks", __name__)


@webhooks.post("/webhooks/stripe")
def receive() -> ResponseReturnValue:
    """Take a signed event in. What follows its commit is ours to heal, never Stripe's to resend."""
    event = verified_event(
        body_within_cap(),
        request.headers.get("Stripe-Signature", ""),
        settings().stripe_webhook_secrets,
    )
    state = inbox.record(event, *first_state(event))
    log.info("event=%s type=%s outcome=%s", event.id, event.type, state)
    if state in {EventState.RECEIVED, EventState.QUEUED}:
        watch_version(event)
        NEXT[settings().processing](event)
    return Response(content_type="text/plain")


def body_within_cap() -> bytes:
    """Read the raw body. Raises BodyTooLarge without reading more than the cap, Malformed."""
    if (request.content_length or 0) > BODY_CAP:
        raise BodyTooLarge(f"An event is at most {BODY_CAP} bytes.")
    body = reading_body(lambda: request.stream.read(BODY_CAP + 1))
    if len(body) > BODY_CAP:
        raise BodyTooLarge(f"An event is at most {BODY_CAP} bytes.")
    return body


def first_state(event: Event) -> tuple[EventState, str | None]:
    """Judge at the door: refused is not ours, ignored is not wanted, the rest is owed work."""
    if event.account is not None:
        return EventState.REFUSED, f"of another account: {event.account}"
    if event.livemode is not None and event.livemode != settings().livemode:
        return EventState.REFUSED, "of the other mode (livemode)"
    if not dispatch.handles(event):
        return EventState.IGNORED, None
    return EventState.RECEIVED, None


def process_now(event: Event) -> None:
    """Confirm the state before Stripe gets its answer; whatever fails is left to the sweep."""
    try:
        processing.process(event)
    except Exception:
        log.exception("event=%s type=%s outcome=left_to_sweep", event.id, event.type)


def leave_to_workers(event: Event) -> None:
    """Answer at once: the row in the inbox is the message."""


NEXT: dict[Processing, Callable[[Event], None]] = {
    Processing.INLINE: process_now,
    Processing.WORKER: leave_to_workers,
}
