"""Does the running service take what we sign? Posted as Stripe posts, from outside."""

import json

import requests
from stripe import WebhookSignature

from billing import clock
from billing.stripe_api.events import API_VERSION

PROBE_ID = "evt_billing_doctor_probe"
PROBE_TYPE = "billing.doctor.probe"
PROBE_SECONDS = 10


def post_probe(url: str, secret: str, *, livemode: bool) -> tuple[int | None, str]:
    """Post one signed event that nobody listens to; return the status, and why there is none.

    It always has the same id, so the inbox keeps one row of it however often it is sent.
    """
    body = json.dumps(
        {
            "id": PROBE_ID,
            "object": "event",
            "type": PROBE_TYPE,
            "api_version": API_VERSION,
            "created": clock.to_unix(clock.utc_now()),
            "livemode": livemode,
            "data": {"object": {"object": "probe"}},
        }
    )
    signed = {"Stripe-Signature": WebhookSignature.generate_signature_header(body, secret)}
    try:
        answer = requests.post(
            url, body, headers=signed, timeout=PROBE_SECONDS, allow_redirects=False
        )
    except requests.RequestException as fault:
        return None, type(fault).__name__
    return answer.status_code, ""
