"""How does a change wait for the end of the period? By a schedule of two phases at Stripe."""

from typing import Any

from billing import clock
from billing.catalog.mapping import interval_parts
from billing.sales.holdings import PORTAL, Holding, NotChangeable
from billing.sales.intents import key_of
from billing.sales.targets import Target
from billing.stripe_api.attempts import attempt
from billing.stripe_api.gateway import gateway
from billing.stripe_api.snapshots import ItemSnapshot, PhaseTerms, ScheduleSnapshot

RUNNING = {"active", "not_started"}


def plan(holding: Holding, target: Target) -> None:
    """Let the plan item become this when the period ends; add-ons and all terms stay as they are.

    Terms are tax rates, discounts, metadata, collection and the like, of the phase and its items.
    After a crash between the two calls the schedule is there, says nothing new, and is found.
    """
    schedule, items = _scheduled(holding), holding.subscription.items
    if schedule.phase_start is None or schedule.phase_end is None:
        raise NotChangeable("The subscription follows a plan made by hand.", portal=PORTAL)
    terms = gateway().phase_terms(schedule.id)
    present = [_phase_item(terms, one, one.price.id, one.quantity) for one in items]
    coming = [
        _phase_item(terms, one, target.stripe_price_id, target.quantity)
        if one.id == holding.item.id
        else item
        for one, item in zip(items, present, strict=True)
    ]
    kept = {**terms.phase, "proration_behavior": "none"}
    unit, count = interval_parts(target.interval)
    phases = [
        {
            **kept,
            "start_date": clock.to_unix(schedule.phase_start),
            "end_date": clock.to_unix(schedule.phase_end),
            "items": present,
        },
        {
            **kept,
            "duration": {"interval": unit, "interval_count": count},
            "items": coming,
        },
    ]
    with attempt(key_of("phases", schedule.id, holding.state, phases)) as key:
        gateway().plan_phases(schedule.id, phases, idempotency_key=key)


def forget(holding: Holding) -> None:
    """Let the subscription go on as it is. Raises NotChangeable for a plan made by hand."""
    schedule = holding.subscription.schedule
    if schedule is not None and schedule.status in RUNNING:
        refuse_by_hand(schedule)
        with attempt(f"release:{schedule.id}") as key:
            gateway().release_schedule(schedule.id, idempotency_key=key)


def refuse_by_hand(schedule: ScheduleSnapshot) -> None:
    """Refuse a schedule of more phases than we and the portal ever make. Raises NotChangeable."""
    if schedule.phases_ahead > 1:
        raise NotChangeable("The subscription follows a plan made by hand.", portal=PORTAL)


def _phase_item(
    terms: PhaseTerms, item: ItemSnapshot, price_id: str, quantity: int | None
) -> dict[str, Any]:
    """Write one item of a phase with the terms it has now; metered prices have no quantity."""
    kept = terms.items.get(item.price.id, {})
    return {**kept, "price": price_id} | ({} if quantity is None else {"quantity": quantity})


def _scheduled(holding: Holding) -> ScheduleSnapshot:
    schedule = holding.subscription.schedule
    if schedule is not None and schedule.status in RUNNING:
        refuse_by_hand(schedule)
        return schedule
    earlier = gateway().schedules_of(holding.customer_id)
    newest = earlier[0].id if earlier else "none"
    with attempt(key_of("schedule", holding.id, newest)) as key:
        return gateway().create_schedule(holding.id, idempotency_key=key)
