"""How fast may a user ask? The base rate times the plan's multiplier, unless the plan says else."""

from decimal import Decimal

from limits import parse

from billing.catalog.terms import Plan


def rate_of(plan: Plan, scope: str, base: str) -> str:
    """Name the rate of a scope on a plan: its own, else the base rate multiplied."""
    return plan.rate_limits.get(scope) or scaled(base, plan.rate_limit_multiplier)


def scaled(rate: str, multiplier: Decimal) -> str:
    """Multiply a rate such as "120/minute", rounded down, but never to less than one."""
    item = parse(rate)
    amount = max(1, int(item.amount * multiplier))
    return f"{amount}/{item.multiples} {item.GRANULARITY.name}"
