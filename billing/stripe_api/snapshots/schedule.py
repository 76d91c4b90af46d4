"""Subscription schedules: which prices come next, and when."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from billing.stripe_api.snapshots.shapes import (
    Json,
    id_of,
    list_of,
    moment_of,
    own_id,
    part_of,
    required,
    word_of,
)


@dataclass(frozen=True, slots=True)
class ScheduleSnapshot:
    """A schedule. `phase_...` is the phase it is in; `next_...` the one after, if any is planned.

    `phases_ahead` counts what is planned.
    `subscription_id` is None before it starts, and once it was released or canceled.
    """

    id: str
    customer_id: str | None
    subscription_id: str | None
    status: str
    phase_start: datetime | None
    phase_end: datetime | None
    next_phase_start: datetime | None
    next_price_ids: tuple[str, ...]
    end_behavior: str | None
    phases_ahead: int = 0

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        schedule_id = own_id(data)
        current = part_of(data, "current_phase")
        ahead = _phases_ahead(data)
        coming = ahead[0] if ahead else {}
        return cls(
            id=schedule_id,
            customer_id=id_of(data.get("customer")),
            subscription_id=id_of(data.get("subscription")),
            status=required(data, "status"),
            phase_start=moment_of(current.get("start_date")),
            phase_end=moment_of(current.get("end_date")),
            next_phase_start=moment_of(coming.get("start_date")),
            next_price_ids=_price_ids(coming),
            # `renewal_behavior` until 2019-10-17.
            end_behavior=word_of(data.get("end_behavior") or data.get("renewal_behavior")),
            phases_ahead=len(ahead),
        )


def _phases_ahead(data: Json) -> list[Json]:
    """The phases after the current one; all of them while the schedule has not begun."""
    ends = moment_of(part_of(data, "current_phase").get("end_date"))
    is_waiting = data.get("status") == "not_started"
    starts = [(moment_of(one.get("start_date")), one) for one in list_of(data, "phases")]
    coming = [(at, one) for at, one in starts if at and (is_waiting or (ends and at >= ends))]
    return [one for _, one in sorted(coming, key=lambda pair: pair[0])]


def _price_ids(phase: Json) -> tuple[str, ...]:
    # `plans` of `plan` until 2020-08-27, since then `items` of `price`.
    items = list_of(phase, "items") or list_of(phase, "plans")
    found = [id_of(item.get("price")) or id_of(item.get("plan")) for item in items]
    return tuple(price_id for price_id in found if price_id)
