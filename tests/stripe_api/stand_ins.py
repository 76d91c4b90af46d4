"""What may Stripe answer to whatever we ask? Callbacks for `responses`."""

import json
import re
from typing import Any

STRIPE = re.compile(
    r"http://127\.0\.0\.1:9/v1/(?P<kind>[a-z_/]+?)(/(?P<id>(?!early_fraud_warnings)[^/?]+))?(\?.*)?"
)


def existing(request: Any) -> tuple[int, dict[str, str], str]:
    """Stripe, where everything asked for by id exists, and every list is empty."""
    asked = STRIPE.fullmatch(request.url)
    found = {"data": [], "has_more": False}
    if asked and asked["id"]:
        found = {"id": asked["id"], "object": asked["kind"].rstrip("s"), "created": 1}
    return 200, {}, json.dumps(found)


def missing(request: Any) -> tuple[int, dict[str, str], str]:
    """Stripe, where nothing exists."""
    error = {"type": "invalid_request_error", "code": "resource_missing", "param": "id"}
    return 404, {}, json.dumps({"error": error})
