"""Do we say truly what we listen to?"""

import re
from pathlib import Path

import pytest
from stripe.params import WebhookEndpointCreateParams

from billing.stripe_sync import dispatch, handlers

DOCUMENT = Path(__file__).parents[2] / "docs" / "events.md"


def known_types() -> set[str]:
    """Every event type that the installed SDK knows, as it annotates what an endpoint may ask."""
    annotation = repr(WebhookEndpointCreateParams.__annotations__["enabled_events"])
    return set(re.findall(r"[\"']([a-z_]+\.[a-z_.]+)[\"']", annotation))


def documented(text: str) -> set[str]:
    return set(re.findall(r"`([a-z_]+\.[a-z_.]+)`", text)) - {"v2.core.event"}


def test_every_handled_type_exists_at_stripe() -> None:
    assert set(dispatch.HANDLERS) <= known_types()


def test_the_document_lists_every_handled_type_as_handled() -> None:
    handled, _ = DOCUMENT.read_text().split("## Kept and ignored")

    assert documented(handled) == set(dispatch.HANDLERS)


def test_the_document_lists_every_other_type_as_ignored() -> None:
    _, ignored = DOCUMENT.read_text().split("## Kept and ignored")

    assert documented(ignored) == known_types() - set(dispatch.HANDLERS)


def test_every_handler_says_why_we_listen() -> None:
    text = DOCUMENT.read_text()

    for event_type, handler in dispatch.HANDLERS.items():
        assert handler.__doc__ is not None
        assert re.search(rf"\| `{re.escape(event_type)}` \|.*{re.escape(handler.__doc__)}", text)


def test_a_type_cannot_have_two_handlers() -> None:
    with pytest.raises(ValueError, match=r"product\.created has a handler already"):
        dispatch.on("product.created")(handlers.product_changed)
