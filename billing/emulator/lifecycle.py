"""What falls due next in the life of a subscription, an invoice, a checkout?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from billing.emulator.account import Account, Resource
from billing.emulator.checkout.sessions import expire_session
from billing.emulator.ending import cancel_now, invoices_of
from billing.emulator.invoices.collection import collect, draft, finalize, paying_method
from billing.emulator.invoices.preview import renewal
from billing.emulator.invoices.routes import close
from billing.emulator.invoices.shape import behind
from billing.emulator.periods import DAY, HOUR
from billing.emulator.schedules import begin_next_phase, phase_over
from billing.emulator.subscriptions.billing import all_due, held, period_lines
from billing.emulator.subscriptions.pauses import enter_pause
from billing.emulator.subscriptions.shape import items, period_end, price_of

INCOMPLETE_HOURS = 23
NOTICE_DAYS = 3
UPCOMING_DAYS = 7
BILLED = ("active", "past_due", "unpaid")

Action = Callable[[Account, Resource], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that falls due at a moment; of several the first in `AGENDA` goes first."""

    at: int
    order: int
    act: Action
    about: Resource


def next_step(account: Account, test_clock: str | None, until: int) -> Step | None:
    """Give the earliest step due by a moment, of one test clock or, for None, of real time."""
    due = (step for step in steps(account, test_clock) if step.at <= until)
    return min(due, key=lambda step: (step.at, step.order), default=None)


def steps(account: Account, test_clock: str | None) -> Iterator[Step]:
    """Give the next step of each kind for everything that lives on that clock."""
    for order, (kind, moment, act) in enumerate(AGENDA):
        for found in account.all(kind):
            on_clock = found.get("test_clock") == test_clock
            if on_clock and (at := moment(found)) is not None:
                yield Step(int(at), order, act, found)


# Subscriptions


def ends_then(subscription: Resource) -> int | None:
    """A live subscription ends when that was planned."""
    alive = subscription["status"] in (*BILLED, "trialing", "paused")
    return subscription["cancel_at"] if alive else None


def end(account: Account, subscription: Resource) -> None:
    """End it as planned."""
    cancel_now(account, subscription, subscription["cancel_at"])


def notice_due(subscription: Resource) -> int | None:
    """A trial announces its end three days before."""
    silent = subscription["status"] == "trialing" and not subscription.get("_trial_notice_sent")
    return subscription["trial_end"] - NOTICE_DAYS * DAY if silent else None


def give_notice(account: Account, subscription: Resource) -> None:
    """Send the notice once."""
    account.edit(subscription)["_trial_notice_sent"] = True
    account.emit("customer.subscription.trial_will_end", subscription)


def trial_over(subscription: Resource) -> int | None:
    """A trial is over at its end."""
    return subscription["trial_end"] if subscription["status"] == "trialing" else None


def end_trial(account: Account, subscription: Resource) -> None:
    """Begin the first paid period or, without a payment method, what the trial's settings say."""
    missing = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if payable(account, subscription) or missing == "create_invoice":
        return renew(account, subscription)
    if missing == "cancel":
        return cancel_now(account, subscription, subscription["trial_end"])
    return enter_pause(account, subscription, "trial_end_without_payment_method")


def payable(account: Account, subscription: Resource) -> bool:
    """Say whether there is a card to charge."""
    probe = {
        "default_payment_method": None,
        "customer": subscription["customer"],
        "parent": {"subscription_details": {"subscription": subscription["id"]}},
    }
    return paying_method(account, probe) is not None


def period_over(subscription: Resource) -> int | None:
    """A period is over when the first of the items' is."""
    if subscription["status"] not in BILLED:
        return None
    return min(int(item["current_period_end"]) for item in items(subscription))


def upcoming_due(subscription: Resource) -> int | None:
    """A renewal is announced some days before, once a period."""
    end_of_period = period_over(subscription)
    if end_of_period is None or subscription["cancel_at"]:
        return None
    told = subscription.get("_announced_for") == end_of_period
    return None if told else end_of_period - UPCOMING_DAYS * DAY


def announce_renewal(account: Account, subscription: Resource) -> None:
    """Tell of the invoice that is to come, which has no id yet."""
    account.edit(subscription)["_announced_for"] = period_over(subscription)
    shown = account.rehearse(lambda: renewal(account, subscription))
    account.emit("invoice.upcoming", {n: value for n, value in shown.items() if n != "id"})


def renew(account: Account, subscription: Resource) -> None:
    """Begin the next period of the items whose period is over, and draft its invoice."""
    at = account.now(subscription["customer"])
    due = all_due(subscription, at)
    with account.changing(subscription):
        if subscription["status"] == "trialing":
            subscription["status"] = "active"
        for item in due:
            start = item["current_period_end"]
            item["current_period_start"] = start
            item["current_period_end"] = period_end(subscription, price_of(account, item), start)
        lines = [*held(account, subscription), *period_lines(account, subscription, due)]
        invoice = draft(account, subscription, "subscription_cycle", lines)
    schedule_collection(account, subscription, invoice)


def schedule_collection(account: Account, subscription: Resource, invoice: Resource) -> None:
    """Finalise an hour later, unless the subscription is unpaid or its collection paused."""
    paused = subscription["pause_collection"]
    stays = subscription["status"] == "unpaid" or (paused and paused["behavior"] == "keep_as_draft")
    with account.changing(invoice):
        invoice["auto_advance"] = not stays
        invoice["automatically_finalizes_at"] = None if stays else invoice["created"] + HOUR


def first_payment_late(subscription: Resource) -> int | None:
    """A first payment may take 23 hours."""
    waiting = subscription["status"] == "incomplete"
    return subscription["created"] + INCOMPLETE_HOURS * HOUR if waiting else None


def give_up(account: Account, subscription: Resource) -> None:
    """Expire a subscription that was never paid for, and void what it owed."""
    for invoice in invoices_of(account, subscription):
        if invoice["status"] == "open":
            close(account, invoice, "void", "voided")
    at = account.now(subscription["customer"])
    with account.changing(subscription):
        subscription.update(status="incomplete_expired", ended_at=at)


def update_late(subscription: Resource) -> int | None:
    """A pending update lapses when it is not paid for."""
    return (subscription["pending_update"] or {}).get("expires_at")


def drop_update(account: Account, subscription: Resource) -> None:
    """Forget a pending update and what was owed for it."""
    for invoice in invoices_of(account, subscription):
        if invoice["status"] == "open" and "_update" in invoice:
            close(account, invoice, "void", "voided")
    with account.changing(subscription, "customer.subscription.pending_update_expired"):
        subscription["pending_update"] = None


def collection_resumes(subscription: Resource) -> int | None:
    """A pause of collection may have an end."""
    return (subscription["pause_collection"] or {}).get("resumes_at")


def resume_collection(account: Account, subscription: Resource) -> None:
    """Collect again from now on."""
    with account.changing(subscription):
        subscription["pause_collection"] = None


# Invoices


def finalization_due(invoice: Resource) -> int | None:
    """A draft is finalised at its moment."""
    return invoice["automatically_finalizes_at"] if invoice["status"] == "draft" else None


def finalize_and_collect(account: Account, invoice: Resource) -> None:
    """Open a draft and charge it, or do with it what a pause of collection says."""
    subscription = behind(account, invoice)
    paused = subscription and subscription["pause_collection"]
    finalize(account, invoice)
    if paused and paused["behavior"] == "void":
        close(account, invoice, "void", "voided")
    elif paused:
        close(account, invoice, "uncollectible", "marked_uncollectible")
    elif invoice["collection_method"] == "charge_automatically":
        collect(account, invoice)


def retry_due(invoice: Resource) -> int | None:
    """A failed payment is attempted again."""
    return invoice["next_payment_attempt"] if invoice["status"] == "open" else None


def retry(account: Account, invoice: Resource) -> None:
    """Charge once more."""
    collect(account, invoice)


# Checkout


def session_over(session: Resource) -> int | None:
    """An open checkout expires."""
    return session["expires_at"] if session["status"] == "open" else None


# What comes first when several things fall due in one second.
AGENDA: list[tuple[str, Callable[[Resource], int | None], Action]] = [
    ("subscription_schedule", phase_over, begin_next_phase),
    ("subscription", ends_then, end),
    ("subscription", notice_due, give_notice),
    ("subscription", trial_over, end_trial),
    ("subscription", upcoming_due, announce_renewal),
    ("subscription", period_over, renew),
    ("subscription", first_payment_late, give_up),
    ("subscription", update_late, drop_update),
    ("subscription", collection_resumes, resume_collection),
    ("invoice", finalization_due, finalize_and_collect),
    ("invoice", retry_due, retry),
    ("checkout.session", session_over, expire_session),
]
