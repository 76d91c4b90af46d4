"""Under which condition may a writer go over what is stored? The guards of the refresh protocol.

docs/protocol.md explains each of them and shows that it is needed.
"""

from enum import Enum

import sqlalchemy as sa

from billing.database import UtcDateTime, insert
from billing.database.built import once, table
from billing.models import StripeCharge, SubscriptionItem, UserSubscription
from billing.models.subscriptions import TERMINAL
from billing.stripe_sync.projection import FIELDS

SUBSCRIPTIONS, ITEMS, CHARGES = (
    table(UserSubscription),
    table(SubscriptionItem),
    table(StripeCharge),
)
STORED = SUBSCRIPTIONS.c

ENDED = STORED.status.in_(TERMINAL)
ENDS_NOW = sa.bindparam("ends_now", type_=sa.Boolean())
BY_A_PERSON = sa.bindparam("by_a_person", type_=sa.Boolean())
NOTED_BEFORE = STORED.prov_generation <= sa.bindparam("g")
NEWER = STORED.floor < sa.bindparam("told_at")
NOW = sa.bindparam("now", type_=UtcDateTime())


class Guard(Enum):
    """A cell of the protocol: who writes."""

    CONFIRM = "confirm"
    """A fetch: over what was noted before it began; only a person reopens what has ended."""

    PREVIEW = "preview"
    """A payload: over what is surely older; one that ends, over all that has not."""

    CLOSE = "close"
    """A fetch that found nothing: over what was noted before it began."""


CONDITIONS = {
    Guard.CONFIRM: sa.and_(
        NOTED_BEFORE, sa.or_(ENDS_NOW, sa.not_(ENDED), sa.and_(BY_A_PERSON, STORED.confirmed))
    ),
    Guard.PREVIEW: sa.or_(
        sa.and_(sa.not_(ENDED), sa.or_(ENDS_NOW, NEWER)), sa.and_(ENDED, ENDS_NOW, NEWER)
    ),
    Guard.CLOSE: NOTED_BEFORE,
}


@once
def writing(guard: Guard, names: tuple[str, ...]) -> sa.Executable:
    """Write these columns of a subscription unless the guard forbids it; its id if written."""
    row = insert(SUBSCRIPTIONS).values({name: sa.bindparam(name) for name in names})
    new = row.excluded
    replaced = {name: new[name] for name in names if name != "stripe_subscription_id"}
    highest = sa.case((new.floor > STORED.floor, new.floor), else_=STORED.floor)
    return row.on_conflict_do_update(
        index_elements=["stripe_subscription_id"],
        set_=replaced | {"floor": highest, "updated_at": NOW},
        where=CONDITIONS[guard],
    ).returning(STORED.id)


OF_CUSTOMER = sa.select(
    STORED.id,
    STORED.stripe_subscription_id,
    STORED.held_plan_id,
    STORED.held_item_id,
    STORED.held_price_id,
    STORED.confirmed,
    STORED.as_of,
    *(STORED[name] for name in FIELDS),
).where(STORED.stripe_customer_id == sa.bindparam("customer"))
"""What is stored of a customer."""

OVERTAKING = (
    sa.select(STORED.id)
    .where(
        STORED.stripe_customer_id == sa.bindparam("customer"),
        STORED.prov_generation > sa.bindparam("g"),
    )
    .limit(1)
)
"""A payload noted after the fetch began."""

IS_CONTESTED = sa.exists().where(
    CHARGES.c.stripe_subscription_id == sa.bindparam("told_of"), CHARGES.c.is_disputed
)
FLAG_DISPUTED = (
    sa.update(SUBSCRIPTIONS)
    .where(
        STORED.stripe_subscription_id == sa.bindparam("told_of"),
        STORED.is_disputed != IS_CONTESTED,
    )
    .values(is_disputed=IS_CONTESTED, as_of=NOW)
    .returning(STORED.user_id, STORED.is_disputed)
)
"""Bring the flag to what the charges say."""

ITEM_NAMES = [
    name
    for name in ITEMS.c.keys()  # noqa: SIM118 - columns, iterated, are not names
    if name not in {"id", "created_at", "updated_at", "subscription_id"}
]
ITEMS_OF = (
    sa.select(*(ITEMS.c[name] for name in ITEM_NAMES))
    .where(ITEMS.c.subscription_id == sa.bindparam("whole"))
    .order_by(ITEMS.c.stripe_subscription_item_id)
)
NO_ITEMS = sa.delete(ITEMS).where(ITEMS.c.subscription_id == sa.bindparam("whole"))
AN_ITEM = sa.insert(ITEMS).values(
    {name: sa.bindparam(name) for name in (*ITEM_NAMES, "subscription_id")}
)
