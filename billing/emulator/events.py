"""Events over the API: the last thirty days, delivered or not."""

from stripe import params as types

from billing.emulator.account import Resource
from billing.emulator.routes import listable, retrievable

retrievable("/v1/events/<id>", "event", types.EventRetrieveParams)


def of_type(event: Resource, pattern: str) -> bool:
    """Compare a type with a pattern that may end in a star."""
    kind: str = event["type"]
    return kind.startswith(pattern[:-1]) if pattern.endswith("*") else kind == pattern


listable(
    "/v1/events",
    "event",
    types.EventListParams,
    {
        "type": of_type,
        "types": lambda event, types: event["type"] in types,
        "delivery_success": lambda event, wanted: (event["pending_webhooks"] == 0) == wanted,
    },
)
