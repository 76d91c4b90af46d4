"""Does the operator hear of a key that is refused, once, and by what it lacks?"""

import logging

import pytest
import stripe
import time_machine

from billing.errors import StripeUnavailable
from billing.stripe_api.faults import StripeKeyRefused, permissions_named, translate
from billing.stripe_api.key_watch import KeyWatch

FORBIDDEN = (
    "The provided key 'rk_test_*********************abc' does not have the required permissions "
    "for this endpoint on account 'acct_1'. Having the 'rak_subscription_read' permission would "
    "allow this request to continue."
)


def a_refusal(message: str = FORBIDDEN) -> StripeKeyRefused:
    fault = translate(stripe.PermissionError(message, http_status=403))
    assert isinstance(fault, StripeKeyRefused)
    return fault


def test_the_permission_is_read_from_stripes_own_words() -> None:
    assert permissions_named(FORBIDDEN) == ("rak_subscription_read",)


def test_an_operator_reads_the_permission_and_a_caller_does_not() -> None:
    fault = a_refusal()

    assert "rak_subscription_read" in str(fault)
    assert "rak_subscription_read" not in fault.detail


def test_each_lack_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    watch = KeyWatch()
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            watch.noted(a_refusal())
        watch.noted(a_refusal("Having the 'rak_invoice_read' permission would allow it."))

    lines = [record.getMessage() for record in caplog.records]
    assert [line.split()[1] for line in lines] == [
        "lacks=rak_subscription_read",
        "lacks=rak_invoice_read",
    ]


def test_other_faults_say_nothing_of_the_key() -> None:
    watch = KeyWatch()
    away = StripeUnavailable("away")

    assert watch.noted(away) is away
    assert not watch.was_refused


def test_a_refusal_is_forgotten_when_none_follows() -> None:
    watch = KeyWatch()
    with time_machine.travel("2031-03-10T12:00:00Z", tick=False) as now:
        watch.noted(a_refusal())
        assert watch.was_refused
        now.shift(601)
        assert not watch.was_refused
