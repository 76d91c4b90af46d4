"""Which handler takes which event? A table that cannot be ambiguous."""

from collections.abc import Callable

from billing.stripe_api.events import Event
from billing.stripe_sync.subjects import Subject

Handler = Callable[[Event], Subject | None]

HANDLERS: dict[str, Handler] = {}


class BrokenEvent(Exception):
    """The event names nothing that could be refreshed; no repetition can heal it."""


def on(*types: str) -> Callable[[Handler], Handler]:
    """Register the handler of these event types. A type has one handler."""

    def register(handler: Handler) -> Handler:
        for name in types:
            if name in HANDLERS:
                raise ValueError(f"{name} has a handler already: {HANDLERS[name].__name__}")
            HANDLERS[name] = handler
        return handler

    return register


def handles(event: Event) -> bool:
    """Tell whether anything here listens to this event. Thin events have no handler yet."""
    return event.type in HANDLERS and not event.is_thin


def subject_of(event: Event) -> Subject | None:
    """Ask the handler what changed; None where it concerns nobody we follow.

    Raises BrokenEvent for an event whose object is missing or names nothing.
    """
    if not event.object:
        raise BrokenEvent("the event has no data.object")
    return HANDLERS[event.type](event)
