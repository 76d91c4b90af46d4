"""How does a person use the service? Over real HTTP, with Stripe's side played by the emulator."""

import time
from dataclasses import dataclass, field
from typing import Any

import requests
import stripe

from billing.emulator import Emulator

PASSWORD = "quite a long pass phrase 93"
PATIENCE = 15.0


def pay(url: str, card: str = "4242424242424242") -> requests.Response:
    """Press the button of a checkout page."""
    return requests.post(url, {"card": card}, timeout=20, allow_redirects=False)


@dataclass
class Person:
    """Somebody with an account at the service, and perhaps with a card."""

    service: str
    email: str = "someone@example.com"
    session: requests.Session = field(default_factory=requests.Session)

    def register(self) -> str:
        """Make an account; return its id."""
        credentials = {"email": self.email, "password": PASSWORD}
        answer = self.post("/v1/auth/register", credentials)
        self.session.headers["Authorization"] = f"Bearer {answer['access_token']}"
        return str(self.get("/v1/auth/me")["id"])

    def get(self, path: str) -> dict[str, Any]:
        """Ask; the answer must be good."""
        return self._read(self.session.get(self.service + path, timeout=20))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send; the answer must be good."""
        return self._read(self.session.post(self.service + path, json=body, timeout=20))

    def buy(self, plan: str, *, card: str = "4242424242424242") -> requests.Response:
        """Open a checkout, and press the button of its page with this card."""
        page = self.post("/v1/subscription/checkout", {"plan": plan, "interval": "month"})
        return pay(page["url"], card)

    def me(self) -> dict[str, Any]:
        """Poll once, as a frontend does."""
        return self.get("/v1/subscription/me")

    def sees(self, **wanted: Any) -> dict[str, Any]:
        """Poll until the subscription looks like this, as a frontend does; return the answer."""
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self.me()
            shown = {name: answer[name] for name in wanted}
            if shown == wanted:
                return answer
            if time.monotonic() > deadline:
                raise AssertionError(f"expected {wanted}, seen {shown}")
            time.sleep(0.05)

    def _read(self, answer: requests.Response) -> dict[str, Any]:
        assert answer.ok, f"{answer.status_code}: {answer.text}"
        body: dict[str, Any] = answer.json()
        return body


@dataclass
class Shopkeeper:
    """The company's side at Stripe: its own key, and a test clock to travel with."""

    emulator: Emulator
    start: int

    def __post_init__(self) -> None:
        self.stripe = stripe.StripeClient(
            "sk_test_shopkeeper", base_addresses={"api": self.emulator.url}
        )
        clocks = self.stripe.v1.test_helpers.test_clocks
        self.clock_id = clocks.create({"frozen_time": self.start}).id

    def customer_on_clock(self, user_id: str, email: str) -> str:
        """Make the user's customer beforehand, on the test clock, marked with our user id."""
        made = self.stripe.v1.customers.create(
            {"email": email, "test_clock": self.clock_id, "metadata": {"user_id": user_id}}
        )
        assert self.emulator.wait_idle()
        return made.id

    def travel_to(self, moment: int) -> None:
        """Move the clock, and let Stripe bill what falls due on the way."""
        clocks = self.stripe.v1.test_helpers.test_clocks
        clocks.advance(self.clock_id, {"frozen_time": moment})
        assert self.emulator.wait_idle(30)

    def subscription_of(self, customer_id: str) -> stripe.Subscription:
        """The newest subscription of the customer."""
        return self.stripe.v1.subscriptions.list({"customer": customer_id, "status": "all"}).data[0]
