"""What do we ask of Stripe about a subscription that exists? Changes, its end, and previews."""

from collections.abc import Mapping, Sequence
from typing import Any

from billing.stripe_api.connection import PAGE, Connection
from billing.stripe_api.snapshots import (
    InvoiceSnapshot,
    PhaseTerms,
    PreviewSnapshot,
    ScheduleSnapshot,
    SubscriptionSnapshot,
)

Items = Sequence[Mapping[str, Any]]
"""Subscription items as Stripe takes them: `{id?, price, quantity?}`."""


class ChangeCalls(Connection):
    """Calls that change one subscription. The same key within a day is the same change."""

    def change_items(
        self, subscription_id: str, items: Items, *, is_trial: bool, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Change the items now and bill the difference at once.

        What cannot be paid is not changed: the answer then `waits_for_payment`.
        """
        changed = {**_billed(items, is_trial=is_trial), "payment_behavior": "pending_if_incomplete"}
        return self._update(subscription_id, changed, idempotency_key)

    def preview_items(self, subscription_id: str, items: Items) -> PreviewSnapshot:
        """Tell what changing the items now would bill at once; nothing is changed."""
        told = {"subscription": subscription_id}
        details = {"subscription_details": _billed(items, is_trial=False)}
        shown = self._set("/v1/invoices/create_preview", {**told, **details})
        return PreviewSnapshot.from_stripe(shown)

    def cancel_at_period_end(
        self, subscription_id: str, *, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Let the subscription end with its period."""
        return self._update(subscription_id, {"cancel_at_period_end": True}, idempotency_key)

    def cancel_now(self, subscription_id: str, *, credit: bool = False) -> SubscriptionSnapshot:
        """End it at once; `credit` puts what was paid for the rest to the customer's balance.

        Raises StripeMissing if it has ended already.
        """
        told = {"prorate": credit, "invoice_now": credit}
        ended = self._delete(f"/v1/subscriptions/{subscription_id}", told)
        return SubscriptionSnapshot.from_stripe(ended)

    def keep(
        self, subscription_id: str, *, was_at_period_end: bool, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Take a planned end back. Stripe takes one of the two ways to plan it at a time."""
        undone = {"cancel_at_period_end": False} if was_at_period_end else {"cancel_at": ""}
        return self._update(subscription_id, undone, idempotency_key)

    def resume(self, subscription_id: str, *, idempotency_key: str) -> SubscriptionSnapshot:
        """Go on after a pause, in a new period, once that is paid."""
        resumed = self._post(
            f"/v1/subscriptions/{subscription_id}/resume",
            {
                "billing_cycle_anchor": {"type": "now"},
                "payment_behavior": "resume_on_payment_success",
            },
            idempotency_key=idempotency_key,
        )
        return SubscriptionSnapshot.from_stripe(resumed)

    def schedules_of(self, customer_id: str) -> list[ScheduleSnapshot]:
        """Every schedule of the customer, ended ones too, the newest first."""
        query = {"customer": customer_id, "limit": PAGE}
        found, _ = self._list("/v1/subscription_schedules", query)
        return [ScheduleSnapshot.from_stripe(one) for one in found]

    def phase_terms(self, schedule_id: str) -> PhaseTerms:
        """Fetch the terms of the phase in progress, as `plan_phases` has to give them back."""
        found = self._get("/v1/subscription_schedules", schedule_id)
        return PhaseTerms.from_stripe(found)

    def create_schedule(self, subscription_id: str, *, idempotency_key: str) -> ScheduleSnapshot:
        """Put the subscription under a schedule whose one phase is what it is now."""
        made = self._post(
            "/v1/subscription_schedules",
            {"from_subscription": subscription_id},
            idempotency_key=idempotency_key,
        )
        return ScheduleSnapshot.from_stripe(made)

    def plan_phases(
        self, schedule_id: str, phases: Sequence[Mapping[str, Any]], *, idempotency_key: str
    ) -> ScheduleSnapshot:
        """Plan these phases, the one in progress first; after the last the subscription goes on."""
        planned = self._post(
            f"/v1/subscription_schedules/{schedule_id}",
            {"phases": phases, "end_behavior": "release", "proration_behavior": "none"},
            idempotency_key=idempotency_key,
        )
        return ScheduleSnapshot.from_stripe(planned)

    def release_schedule(self, schedule_id: str, *, idempotency_key: str) -> ScheduleSnapshot:
        """Forget what is planned; a schedule is released once in its life."""
        path = f"/v1/subscription_schedules/{schedule_id}/release"
        released = self._post(path, {}, idempotency_key=idempotency_key)
        return ScheduleSnapshot.from_stripe(released)

    def void_invoice(self, invoice_id: str, *, idempotency_key: str) -> InvoiceSnapshot:
        """Take an open invoice back; what waited for its payment is dropped."""
        path = f"/v1/invoices/{invoice_id}/void"
        return InvoiceSnapshot.from_stripe(self._post(path, {}, idempotency_key=idempotency_key))

    def _update(
        self, subscription_id: str, parameters: Mapping[str, Any], key: str
    ) -> SubscriptionSnapshot:
        path = f"/v1/subscriptions/{subscription_id}"
        return SubscriptionSnapshot.from_stripe(self._post(path, parameters, idempotency_key=key))


def _billed(items: Items, *, is_trial: bool) -> dict[str, Any]:
    """Bill a change of items at once; in a trial nothing is due."""
    return {"items": items, "proration_behavior": "none" if is_trial else "always_invoice"}
