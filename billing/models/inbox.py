"""Which events came, and how far did each get?"""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from billing.database import Base
from billing.models.columns import Timestamps, partial_index


class EventState(StrEnum):
    """How far an event got. Only `received` and `queued` owe work."""

    RECEIVED = "received"
    QUEUED = "queued"
    DONE = "done"
    DEAD = "dead"
    IGNORED = "ignored"
    REFUSED = "refused"


class StripeEvent(Timestamps, Base):
    """One event of the inbox: narrow, kept for ever, never partitioned.

    `subject` is the customer, product or test clock that the event tells of; `generation` the
    number under which its effect was requested; `stripe_created` Stripe's whole seconds. `due_at`
    is when a `received` event whose processing failed is tried again, by the database's clock.
    """

    __tablename__ = "stripe_events"

    stripe_event_id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    subject: Mapped[str | None]
    api_version: Mapped[str | None]
    stripe_created: Mapped[int | None] = mapped_column(sa.BigInteger)
    received_at: Mapped[datetime]
    state: Mapped[EventState] = mapped_column(
        sa.Enum(
            EventState,
            native_enum=False,
            create_constraint=True,
            name="state",
            length=16,
            values_callable=lambda states: [state.value for state in states],
        )
    )
    generation: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None]
    error: Mapped[str | None]

    __table_args__ = (
        partial_index(
            "ix_stripe_events_received",
            "received_at",
            where="state = 'received'",
        ),
        partial_index(
            "ix_stripe_events_subject_generation",
            "subject",
            "generation",
            where="subject IS NOT NULL",
        ),
    )


class StripeEventPayload(Timestamps, Base):
    """The body of an event as it was received, to the byte; may be dropped by age."""

    __tablename__ = "stripe_event_payloads"

    stripe_event_id: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[datetime]
    body: Mapped[str] = mapped_column(sa.Text)
