"""flask billing explain: why a user has this plan, in words."""

import json
from dataclasses import asdict
from typing import Any

import click
from flask.cli import with_appcontext

from billing.entitlements import Standing, Subscription, Usage, standing_of
from billing.entitlements.explain import explain
from billing.entitlements.quotas import get_current_period_usage
from billing.identity.references import user_named


@click.command("explain")
@click.argument("user")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def explain_user(user: str, as_json: bool) -> None:
    """Say which plan USER (an id or an e-mail address) has, why, and what is left of it."""
    standing = standing_of(user_named(user))
    usage = list(get_current_period_usage(standing.user_id).values())
    if as_json:
        click.echo(json.dumps(document(standing, usage), default=str, indent=2))
        return
    for line in lines(standing, usage):
        click.echo(line)


def lines(standing: Standing, usage: list[Usage]) -> list[str]:
    """Write it down for a reader."""
    return [
        f"{standing.email or 'without an e-mail address'} ({standing.user_id})",
        explain(standing.access),
        f"Decided for {standing.moment:%Y-%m-%d %H:%M:%S} UTC.",
        *map(_subscription_line, standing.subscriptions),
        *map(_usage_line, usage),
    ]


def document(standing: Standing, usage: list[Usage]) -> dict[str, Any]:
    """Lay the same out for a program."""
    access = standing.access
    return {
        "user_id": standing.user_id,
        "email": standing.email,
        "moment": standing.moment.isoformat(),
        "plan": standing.plan.name,
        "reason": access.reason,
        "until": access.until and access.until.isoformat(),
        "words": explain(access),
        "subscriptions": [_subscription(one) for one in standing.subscriptions],
        "usage": {one.metric: asdict(one) | {"remaining": one.remaining} for one in usage},
    }


def _subscription(subscription: Subscription) -> dict[str, Any]:
    plans = {"plan": subscription.plan, "held_plan": subscription.held_plan}
    facts = {name: getattr(subscription, name) for name in subscription.__slots__}
    return facts | {name: plan and plan.name for name, plan in plans.items()}


def _subscription_line(subscription: Subscription) -> str:
    plan = subscription.plan.name if subscription.plan else "no plan (unmapped price)"
    known = "confirmed" if subscription.confirmed else "not yet confirmed"
    return (
        f"  {subscription.stripe_subscription_id}: {subscription.status}, {plan}, {known}, "
        f"as of {subscription.as_of:%Y-%m-%d %H:%M:%S} UTC"
    )


def _usage_line(usage: Usage) -> str:
    limit = "unlimited" if usage.limit is None else f"of {usage.limit}"
    resets = f", resets {usage.resets_at:%Y-%m-%d %H:%M} UTC" if usage.resets_at else ""
    return f"  {usage.metric}: {usage.used} {usage.unit} {limit}{resets}"
