"""What would a change cost? Asked of Stripe, which does the sums; nothing is changed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing.sales.holdings import customer_of_holder, holding_of
from billing.sales.refusals import wishes
from billing.sales.targets import Wish, changeable, is_immediate, target_of
from billing.settings import settings
from billing.stripe_api import transport
from billing.stripe_api.gateway import gateway
from billing.stripe_api.snapshots import PreviewLine, PreviewSnapshot


@dataclass(frozen=True, slots=True)
class Preview:
    """A change seen beforehand. Amounts are in the currency's minor unit.

    `at` is None for a change made at once. `amount_due` is what is paid for it now; `unit_amount`
    what each unit costs from then on, None for a price without a single amount.
    """

    at: datetime | None
    currency: str
    amount_due: int
    lines: tuple[PreviewLine, ...]
    interval: str
    quantity: int | None
    unit_amount: int | None


def preview(user_id: UUID, wish: Wish) -> Preview:
    """Tell what the change would cost. Raises what `change` raises, but asks for no payment."""
    customer_id = customer_of_holder(user_id)
    with transport.within(settings().request_budget):
        holding = changeable(holding_of(customer_id))
        target = target_of(holding, wish)
        is_new = not target.is_held(holding)
        is_now = is_immediate(holding, target)
        due: PreviewSnapshot | None = None
        if is_new and is_now and not holding.is_in_trial:
            with wishes():
                due = gateway().preview_items(holding.id, [target.item(holding)])
    return Preview(
        at=holding.item.period_end if is_new and not is_now else None,
        currency=target.currency,
        amount_due=due.amount_due if due else 0,
        lines=due.lines if due else (),
        interval=target.interval,
        quantity=target.quantity,
        unit_amount=target.unit_amount,
    )
