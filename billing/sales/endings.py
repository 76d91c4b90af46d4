"""How does a subscription end, and how is the end taken back?"""

from enum import StrEnum
from uuid import UUID

from billing.models import Status
from billing.sales import planning
from billing.sales.changes import payment_action_required
from billing.sales.holdings import Holding, customer_of_holder, holding_of
from billing.sales.intents import key_of
from billing.sales.truth import catch_up
from billing.sales.turns import turn_of
from billing.settings import settings
from billing.stripe_api import transport
from billing.stripe_api.attempts import attempt
from billing.stripe_api.faults import StripeMissing
from billing.stripe_api.gateway import gateway


class EndAt(StrEnum):
    """When a cancelled subscription ends."""

    PERIOD_END = "period_end"
    NOW = "now"


def cancel(user_id: UUID, at: EndAt = EndAt.PERIOD_END) -> None:
    """End the subscription, and bring our rows to what Stripe then holds. Nothing is refunded.

    Twice, at once or after a crash it ends once. Raises NoSubscription, NotChangeable,
    ChangeInProgress, StripeUnavailable.
    """
    customer_id = customer_of_holder(user_id)
    with transport.within(settings().request_budget), turn_of(customer_id):
        holding = holding_of(customer_id)
        if at is EndAt.NOW or holding.status is Status.INCOMPLETE:
            _end_now(holding)
        elif not holding.is_ending:
            planning.forget(holding)  # a schedule and an end cannot both be planned
            with attempt(key_of("cancel", holding.state)) as key:
                gateway().cancel_at_period_end(holding.id, idempotency_key=key)
        catch_up(customer_id)


def resume(user_id: UUID) -> None:
    """Take back a planned end or change, or go on after a pause; with none of them, do nothing.

    Raises NoSubscription, NotChangeable, PaymentActionRequired, ChangeInProgress,
    StripeUnavailable.
    """
    customer_id = customer_of_holder(user_id)
    with transport.within(settings().request_budget), turn_of(customer_id):
        holding = holding_of(customer_id)
        planning.forget(holding)
        if holding.is_ending:
            with attempt(key_of("keep", holding.state)) as key:
                gateway().keep(
                    holding.id,
                    was_at_period_end=holding.subscription.cancel_at_period_end,
                    idempotency_key=key,
                )
        if holding.status is Status.PAUSED:
            _go_on(holding)
        catch_up(customer_id)


def _end_now(holding: Holding) -> None:
    try:
        gateway().cancel_now(holding.id)
    except StripeMissing:
        return  # it has ended in the meantime


def _go_on(holding: Holding) -> None:
    with attempt(key_of("resume", holding.state)) as key:
        resumed = gateway().resume(holding.id, idempotency_key=key)
    if Status.read(resumed.status) is Status.PAUSED:
        catch_up(holding.customer_id)
        raise payment_action_required(resumed)
