"""Where do we differ from Stripe? Typed findings, kept until they are found no more."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from billing import clock
from billing.database import UtcDateTime, db, insert
from billing.database.built import send, table
from billing.models import Drift, DriftKind
from billing.stripe_sync.projection import Projection
from billing.stripe_sync.subjects import Part, Subject

log = logging.getLogger(__name__)

DRIFT = table(Drift)
RESOLVE = (
    sa.update(DRIFT)
    .where(DRIFT.c.kind == sa.bindparam("what"), DRIFT.c.stripe_id == sa.bindparam("whose"))
    .values(resolved_at=sa.bindparam("now", type_=UtcDateTime()))
)

KIND_OF = {
    "status": DriftKind.STATUS,
    "plan_id": DriftKind.PLAN,
    "stripe_price_id": DriftKind.PLAN,
    "quantity": DriftKind.QUANTITY,
    "current_period_start": DriftKind.PERIOD,
    "current_period_end": DriftKind.PERIOD,
    "billing_cycle_anchor": DriftKind.PERIOD,
    "interval": DriftKind.PERIOD,
    "cancel_at": DriftKind.CANCEL,
    "cancel_at_period_end": DriftKind.CANCEL,
    "cancellation_reason": DriftKind.CANCEL,
    "cancelled_at": DriftKind.CANCEL,
    "ended_at": DriftKind.CANCEL,
    "expires_at": DriftKind.CANCEL,
}
"""The kind that a differing field is reported under; any other field is DETAILS."""

NOT_LISTED = {"past_due_since"}
"""Fields that a listing of subscriptions cannot tell: they come from invoices."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: its kind, the object at Stripe, what is where, and whose refresh mends it.

    Without a subject, only a person can mend it.
    """

    kind: DriftKind
    stripe_id: str
    detail: str
    subject: Subject | None = None


def compare(
    stripe_id: str, stored: sa.Row[Any] | None, projection: Projection, *, new_with: Iterable[Part]
) -> list[Finding]:
    """Compare the stored subscription with what Stripe shows; a finding for each kind.

    `new_with` names the parts that are fetched together with one that is not here.
    """
    customer_id = projection.columns["stripe_customer_id"]
    if stored is None:
        whole = Subject.customer(customer_id, *new_with)
        return [Finding(DriftKind.MISSING_LOCAL, stripe_id, "not here", whole)]
    subject = Subject.customer(customer_id)
    told: dict[DriftKind, list[str]] = {}
    for name, there in projection.columns.items():
        here = getattr(stored, name)
        if name not in NOT_LISTED and here != there:
            kind = KIND_OF.get(name, DriftKind.DETAILS)
            told.setdefault(kind, []).append(
                f"{name}: {_text(here)} here, {_text(there)} at Stripe"
            )
    return [Finding(kind, stripe_id, "; ".join(texts), subject) for kind, texts in told.items()]


def report(finding: Finding) -> None:
    """Keep the finding, in the caller's transaction; the same one again is only dated anew."""
    log.warning("drift=%s about=%s %s", finding.kind, finding.stripe_id, finding.detail)
    now = clock.utc_now()
    row = insert(Drift).values(
        kind=finding.kind, stripe_id=finding.stripe_id, detail=finding.detail
    )
    db.session.execute(
        row.on_conflict_do_update(
            index_elements=["kind", "stripe_id"],
            set_={
                "detail": row.excluded.detail,
                "resolved_at": None,
                "updated_at": now,
            },
        )
    )


def resolve(findings: Iterable[Finding]) -> None:
    """Close findings that a refresh has mended."""
    for finding in findings:
        send(RESOLVE, what=finding.kind, whose=finding.stripe_id, now=clock.utc_now())


def resolve_unseen(since: datetime) -> None:
    """Close what a complete look that began at `since` did not find again."""
    db.session.execute(
        sa.update(Drift)
        .where(Drift.updated_at < since, Drift.resolved_at.is_(None))
        .values(resolved_at=clock.utc_now())
    )


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
