"""How does a change wait for the end of the period? By a schedule of two phases at Stripe."""

from typing import Any

from billing import clock
from billing.sales.holdings import PORTAL, Holding, NotChangeable
from billing.sales.intents import key_of
from billing.sales.targets import Target, as_phase_item
from billing.stripe_api.attempts import attempt
from billing.stripe_api.gateway import gateway
from billing.stripe_api.snapshots import ScheduleSnapshot

RUNNING = {"active", "not_started"}


def plan(holding: Holding, target: Target) -> None:
    """Let the plan item become this when the period ends; add-ons stay as they are.

    After a crash between the two calls the schedule is there, says nothing new, and is found.
    """
    schedule = _scheduled(holding)
    if schedule.phase_start is None or schedule.phase_end is None:
        raise NotChangeable("The subscription follows a plan made by hand.", portal=PORTAL)
    phases: list[dict[str, Any]] = [
        {
            "start_date": clock.to_unix(schedule.phase_start),
            "end_date": clock.to_unix(schedule.phase_end),
            "items": [
                as_phase_item(one.price.id, one.quantity) for one in holding.subscription.items
            ],
        },
        {
            "duration": {"interval": target.interval, "interval_count": 1},
            "items": [
                target.phase_item()
                if one.id == holding.item.id
                else as_phase_item(one.price.id, one.quantity)
                for one in holding.subscription.items
            ],
        },
    ]
    kept: dict[str, Any] = {"proration_behavior": "none"}
    if schedule.phase_discounts:
        kept["discounts"] = list(schedule.phase_discounts)
    with attempt(key_of("phases", schedule.id, holding.state, target.text)) as key:
        gateway().plan_phases(schedule.id, [phase | kept for phase in phases], idempotency_key=key)


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


def _scheduled(holding: Holding) -> ScheduleSnapshot:
    schedule = holding.subscription.schedule
    if schedule is not None and schedule.status in RUNNING:
        refuse_by_hand(schedule)
        return schedule
    earlier = gateway().schedules_of(holding.customer_id)
    newest = earlier[0].id if earlier else "none"
    with attempt(key_of("schedule", holding.id, newest)) as key:
        return gateway().create_schedule(holding.id, idempotency_key=key)
