"""Is everything set up so that it works, here and at Stripe? Every check, in order."""

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from billing.errors import BillingError
from billing.operations import service_side, stripe_side
from billing.operations.findings import Finding, Grade, fail
from billing.operations.readiness import NotReady


def examine(url: str) -> Iterator[Finding]:
    """Check one thing after another; a fault of one is a finding and stops no other.

    `url` is where Stripe posts to. Nothing is changed, but for one row of the inbox that stands
    for every probe.
    """
    checks = {
        "database": service_side.check_database(),
        "key": stripe_side.check_key(),
        "clock": stripe_side.check_clock(),
        "endpoint": stripe_side.check_endpoint(url),
        "secret": stripe_side.check_secrets(url),
        "delivery": stripe_side.check_delivery(),
        "plans": service_side.check_catalogue(),
        "work": service_side.check_work(),
        "limits": service_side.check_limits(),
    }
    for about, check in checks.items():
        yield from _guarded(about, check)


def is_well(findings: list[Finding]) -> bool:
    """Tell whether nothing fails; warnings are for people."""
    return all(one.grade is not Grade.FAIL for one in findings)


def _guarded(about: str, check: Iterator[Finding]) -> Iterator[Finding]:
    try:
        yield from check
    except NotReady as fault:
        yield fail(about, fault.detail, "is DATABASE_URL right, and does the database run?")
    except BillingError as fault:
        yield fail(about, str(fault), "can this machine reach Stripe? https://status.stripe.com")
    except SQLAlchemyError as fault:
        yield fail(about, type(fault).__name__, "mend the database first")
