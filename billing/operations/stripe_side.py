"""What does Stripe say of us? The key and what it may, the clock, the webhook endpoint."""

from collections.abc import Iterator

from billing import clock
from billing.operations.findings import Finding, fail, ok, warn
from billing.settings import settings
from billing.stripe_api.events import API_VERSION
from billing.stripe_api.faults import StripeKeyRefused
from billing.stripe_api.gateway import gateway
from billing.stripe_api.probe import post_probe
from billing.stripe_api.snapshots import EndpointSnapshot
from billing.stripe_sync.dispatch import HANDLERS

WEBHOOK_PATH = "/webhooks/stripe"
SKEW_NOTED = 30
SKEW_FATAL = 240
DAY = 86_400
API_KEYS = "https://dashboard.stripe.com/apikeys"
WORKBENCH = "https://dashboard.stripe.com/workbench/webhooks"

READS = (
    "/v1/subscriptions",
    "/v1/customers",
    "/v1/invoices",
    "/v1/products",
    "/v1/prices",
    "/v1/checkout/sessions",
    "/v1/subscription_schedules",
    "/v1/entitlements/features",
    "/v1/billing_portal/configurations",
    "/v1/invoice_payments",
    "/v1/charges",
    "/v1/disputes",
    "/v1/radar/early_fraud_warnings",
    "/v1/events",
)
WRITES = (
    "/v1/customers/cus_doctor",
    "/v1/subscriptions/sub_doctor",
    "/v1/subscription_schedules/sub_sched_doctor",
    "/v1/checkout/sessions/cs_doctor/expire",
    "/v1/billing_portal/sessions",
)
"""Where nothing can be written: no such objects, or what is required is left out."""


def webhook_url() -> str:
    """Where Stripe should post to, as far as we know."""
    return settings().app_url + WEBHOOK_PATH


def wanted_events() -> list[str]:
    """Name the event types that an endpoint must send: those with a handler."""
    return sorted(HANDLERS)


def check_key() -> Iterator[Finding]:
    """Ask with the key; name the permissions that a restricted one lacks."""
    mode = "live" if settings().livemode else "test"
    try:
        lacking = list(_lacking())
    except StripeKeyRefused as fault:
        fix = f"take a valid key from {API_KEYS}, set STRIPE_SECRET_KEY, restart"
        yield fail("key", str(fault), fix)
        return
    if lacking:
        fix = f"give the restricted key these permissions: {API_KEYS}"
        yield fail("key", f"{mode} mode; it lacks {', '.join(lacking)}", fix)
    else:
        yield ok("key", f"{mode} mode, may do all that is needed")


def check_clock() -> Iterator[Finding]:
    """Compare our clock with the Date of an answer: signatures are refused 300 s away."""
    skew = abs(clock.to_unix(clock.utc_now()) - gateway().may("get", READS[0]))
    fix = "let this machine follow a time server (systemctl status systemd-timesyncd)"
    if skew >= SKEW_FATAL:
        yield fail("clock", f"{skew} s away from Stripe's; signatures will be refused", fix)
    elif skew >= SKEW_NOTED:
        yield warn("clock", f"{skew} s away from Stripe's", fix)
    else:
        yield ok("clock", "as Stripe's")


def check_endpoint(url: str) -> Iterator[Finding]:
    """Look for the enabled endpoint of our address, and at what it sends."""
    try:
        found = gateway().webhook_endpoints()
    except StripeKeyRefused as fault:
        fix = f"allow the key to read webhook endpoints, or look at {WORKBENCH}"
        yield warn("endpoint", f"cannot be looked at. {fault}", fix)
        return
    ours = [one for one in found if one.url.rstrip("/") == url]
    enabled = [one for one in ours if one.status == "enabled"]
    if not ours:
        elsewhere = ", ".join(sorted(one.url for one in found)) or "none"
        yield fail(
            "endpoint",
            f"Stripe posts nothing to {url}; its endpoints: {elsewhere}",
            f"flask billing webhook create --url {url}",
        )
    elif not enabled:
        yield fail("endpoint", f"{ours[0].id} is disabled", f"enable it: {WORKBENCH}")
    else:
        yield from _examine(enabled)


def check_secrets(url: str) -> Iterator[Finding]:
    """Post an event signed with each secret to the running service, as Stripe would."""
    secrets = settings().stripe_webhook_secrets
    for number, secret in enumerate(secrets, 1):
        about = "secret" if len(secrets) == 1 else f"secret {number} of {len(secrets)}"
        status, fault = post_probe(url, secret, livemode=settings().livemode)
        if status == 200:
            yield ok(about, f"{url} takes what it signs")
        elif status == 400:
            fix = "restart the service with this STRIPE_WEBHOOK_SECRET; no proxy may change bodies"
            yield fail(about, f"{url} refuses what it signs", fix)
        else:
            fix = "is the service running, is APP_URL its public address, what does its proxy do?"
            yield fail(about, f"{url} answers {status or fault}", fix)


def check_delivery() -> Iterator[Finding]:
    """Ask Stripe which events of the last day it could not deliver."""
    count = gateway().undelivered_since(clock.to_unix(clock.utc_now()) - DAY)
    if count:
        more = "100 or more" if count >= 100 else str(count)
        fix = f"flask billing gaps --fix; why they failed stands at {WORKBENCH}"
        yield warn("delivery", f"{more} events of the last day are not delivered", fix)
    else:
        yield ok("delivery", "every event of the last day was delivered")


def _lacking() -> Iterator[str]:
    """Name each permission that is refused. A key that is no key raises StripeKeyRefused."""
    for method, paths in (("get", READS), ("post", WRITES)):
        for path in paths:
            try:
                gateway().may(method, path)
            except StripeKeyRefused as fault:
                if not fault.is_of_permission:
                    raise
                yield from fault.permissions or (f"{method} {path}",)


def _examine(enabled: list[EndpointSnapshot]) -> Iterator[Finding]:
    wanted = set(wanted_events())
    lacks = set.intersection(*(one.lacks(wanted) for one in enabled))
    update = f"flask billing webhook update {enabled[0].id}"
    if lacks:
        yield fail("endpoint", f"{enabled[0].id} is not told of {', '.join(sorted(lacks))}", update)
        return
    others = [one for one in enabled if one.api_version != API_VERSION]
    if others:
        version = others[0].api_version or "the account's"
        seen = f"{others[0].id} is of API version {version}, not {API_VERSION}: shown later"
        fix = "flask billing webhook create --replace, then delete the old one"
        yield warn("endpoint", seen, fix)
    elif len(enabled) > 1:
        yield warn(
            "endpoint", f"{len(enabled)} endpoints post here", f"delete all but one: {WORKBENCH}"
        )
    else:
        yield ok(
            "endpoint", f"{enabled[0].id}: enabled, {API_VERSION}, every event that is handled"
        )
