"""How does a test speak to the service? As a stranger: each request in a context of its own."""

import contextvars
import json
from collections.abc import Mapping
from typing import Any

from flask.testing import FlaskClient
from stripe import WebhookSignature
from werkzeug.test import TestResponse

from billing.database import db
from billing.settings import settings


def signed(body: str, secret: str, *, at: int | None = None) -> dict[str, str]:
    """Sign a body as Stripe does; return the header."""
    return {"Stripe-Signature": WebhookSignature.generate_signature_header(body, secret, at)}


class Client(FlaskClient):
    """A test client whose requests share neither `flask.g` nor session with the test."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Ask from an empty context; afterwards the test's session reads everything anew."""
        db.session.rollback()
        response: TestResponse = contextvars.Context().run(super().open, *args, **kwargs)
        db.session.expire_all()
        return response

    def post_event(self, event: Mapping[str, Any]) -> TestResponse:
        """Post an event, signed with the first configured secret."""
        body = json.dumps(event)
        headers = signed(body, settings().stripe_webhook_secrets[0])
        return self.post("/webhooks/stripe", data=body, headers=headers)
