"""How are money, days and what a plan gives written for people?"""

from collections.abc import Callable
from datetime import date, datetime

from flask import Blueprint

from billing.entitlements import Reason, Standing, Subscription
from billing.models import InvoiceAction, Metric

SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}
WHOLE = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv"]
    + ["xaf", "xof", "xpf"]
)
"""What has no minor unit: https://docs.stripe.com/currencies#zero-decimal."""
THOUSANDTHS = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
MINUS = "\N{MINUS SIGN}"
SPACE = "\N{NO-BREAK SPACE}"

METRICS = {
    Metric.API_CALLS: ("API calls", "a day"),
    Metric.JOBS_CREATED: ("jobs", "a month"),
    Metric.STORAGE_USED_MB: ("storage", ""),
    Metric.COMPUTE_MINUTES: ("compute minutes", "a month"),
}
GIGABYTE = 1000

GOING_ON = {Reason.ACTIVE, Reason.TRIALING}

REASONS = {
    Reason.NO_SUBSCRIPTION: "It is yours for as long as you like.",
    Reason.ACTIVE: "It renews on {renewal}.",
    Reason.TRIALING: "You are trying it out until {trial_end}.",
    Reason.COLLECTION_PAUSED: "Payments are paused, and you keep the plan meanwhile.",
    Reason.COLLECTION_VOIDED: "Payments are paused, and what you paid for with them.",
    Reason.GRACE: "The last payment failed. You keep the plan until {until} while we retry.",
    Reason.GRACE_OVER: "The last payment failed and was not made up for in time.",
    Reason.UNPAID: "Several payments failed, so the subscription rests until they are made.",
    Reason.PAUSED: "Your subscription is paused.",
    Reason.INCOMPLETE: "The first payment has not been completed.",
    Reason.INCOMPLETE_EXPIRED: "The first payment was not made in time, so nothing was bought.",
    Reason.PAID_THROUGH: "Your subscription has ended; you keep what you paid for until {until}.",
    Reason.DISPUTED: "A payment is disputed, so the plan rests until that is settled.",
    Reason.ENDED: "Your subscription has ended.",
    Reason.UNKNOWN_STATUS: "We are clearing something up with Stripe. Your plan stays meanwhile.",
    Reason.UNMAPPED_PRICE: "We are clearing something up with Stripe. Your plan stays meanwhile.",
}

ACTIONS = {
    InvoiceAction.PAY: "There is an invoice to pay.",
    InvoiceAction.CONFIRM: "Your bank wants you to confirm the last payment.",
    InvoiceAction.UPDATE_CARD: "The last payment failed. Another card would help.",
}


def money(amount: int, currency: str) -> str:
    """Write an amount in minor units: $29, $29.50, ¥500, 29 CHF; a credit has a minus."""
    places = 0 if currency in WHOLE else 3 if currency in THOUSANDTHS else 2
    whole, rest = divmod(abs(amount), 10**places)
    text = f"{whole:,}.{rest:0{places}}" if rest else f"{whole:,}"
    symbol = SYMBOLS.get(currency)
    written = f"{symbol}{text}" if symbol else f"{text}{SPACE}{currency.upper()}"
    return f"{MINUS}{written}" if amount < 0 else written


def day(moment: date) -> str:
    """Write the day: 3 May 2026."""
    return f"{moment.day}{SPACE}{moment:%B}{SPACE}{moment.year}"


def moment(moment: datetime) -> str:
    """Write day and time: 3 May 2026, 14:05 UTC."""
    return f"{day(moment)}, {moment:%H:%M}{SPACE}UTC"


def number(value: int) -> str:
    """Write a number with its thousands apart."""
    return f"{value:,}"


def phrase(name: str) -> str:
    """Write the name of a feature: audit_log is Audit log, sso is SSO."""
    words = name.replace("_", " ")
    return words.upper() if len(words) <= 3 else words[:1].upper() + words[1:]


def quota(limit: int | None, metric: Metric) -> str:
    """Write what a plan allows of a metric: 1,000 jobs a month, 10 GB of storage."""
    things, period = METRICS[metric]
    if limit is None:
        return f"Unlimited {things}"
    link = " of " if metric is Metric.STORAGE_USED_MB else " "
    return f"{amount(limit, metric)}{link}{things} {period}".rstrip()


def amount(value: int, metric: Metric) -> str:
    """Write how much of a metric: 1,000, and of storage 10 GB."""
    if metric is not Metric.STORAGE_USED_MB:
        return number(value)
    if value >= GIGABYTE:
        return f"{value / GIGABYTE:,.1f}".removesuffix(".0") + f"{SPACE}GB"
    return f"{value}{SPACE}MB"


def metric_name(metric: Metric) -> str:
    """Write what is counted: Jobs, Storage."""
    things = METRICS[metric][0]
    return things[:1].upper() + things[1:]


def asked_for(action: str) -> str:
    """Say what an unpaid invoice needs."""
    return ACTIONS[InvoiceAction(action)]


def because(standing: Standing) -> str:
    """Say in one sentence why the plan is what it is, and until when."""
    access, subscription = standing.access, standing.access.subscription
    if subscription is None:
        return REASONS[access.reason]
    if access.reason in GOING_ON and access.until:
        return f"It ends on {day(access.until)} and does not renew."
    if access.reason in GOING_ON and subscription.pending_change_at:
        return _planned(standing, subscription, subscription.pending_change_at)
    dates = {
        "renewal": subscription.current_period_end,
        "trial_end": subscription.trial_end,
        "until": access.until,
    }
    return REASONS[access.reason].format(
        **{name: day(value) if value else "further notice" for name, value in dates.items()}
    )


def outcome(standing: Standing) -> str:
    """Say in a few words how things stand after a change: the truth, whoever made the link."""
    access, name = standing.access, standing.plan.display_name
    if access.reason in GOING_ON and access.until:
        return f"{name} is cancelled. Until it ends you can take that back."
    if access.subscription and access.subscription.pending_change_at:
        return "Your change is planned."
    return f"You are on {name}."


def _planned(standing: Standing, subscription: Subscription, at: datetime) -> str:
    plan = subscription.pending_plan
    if plan is None or plan.id == standing.plan.id:
        return f"It stays until {day(at)}, and then changes as you asked."
    return f"It stays until {day(at)}. From then on you are on {plan.display_name}."


FILTERS: tuple[Callable[..., str], ...] = (
    money,
    day,
    moment,
    number,
    phrase,
    quota,
    amount,
    metric_name,
    asked_for,
    because,
    outcome,
)
"""How the templates write."""


def init_app(pages: Blueprint) -> None:
    """Teach the templates to write."""
    for write in FILTERS:
        pages.add_app_template_filter(write)
