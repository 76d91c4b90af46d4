"""The commands that link users and Stripe customers: link-customer, move-link, unlink-customer,
import-links.
"""

import csv
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import click
import sqlalchemy as sa
from flask.cli import with_appcontext

from billing.database import reading
from billing.errors import NotFound
from billing.identity.references import is_address, user_named, user_referred
from billing.models import User
from billing.sales import customer_links
from billing.stripe_api.faults import StripeMissing
from billing.stripe_api.gateway import gateway
from billing.stripe_sync.truths.operator_links import LinkOutcome

PROVES_NOTHING = (
    "whoever registered an address need not own it: name the user by id or ext:ID, "
    "or confirm what --by-email shows"
)
by_email = click.option(
    "--by-email", is_flag=True, help="Find users by address too; shows each pair to be confirmed."
)
confirmed = click.option("--yes", is_flag=True, help="Confirm what --by-email shows.")


@dataclass(frozen=True, slots=True)
class WantedLink:
    """A pair that the operator named; `user_id` is None where there is no such user."""

    user: str
    customer_id: str
    user_id: UUID | None


@click.command("link-customer")
@click.argument("user")
@click.argument("customer_id")
@click.option("--reason", help="Kept in the change log.")
@by_email
@confirmed
@with_appcontext
def link_customer(
    user: str, customer_id: str, reason: str | None, by_email: bool, yes: bool
) -> None:
    """Link USER (our id or ext:ID) to the Stripe CUSTOMER_ID. Never moves a link."""
    wanted = _wanted(user, customer_id)
    _confirm([wanted], by_email=by_email, yes=yes)
    _end(wanted.user, customer_id, _link(wanted, by_email=by_email, reason=reason))


@click.command("move-link")
@click.argument("user")
@click.argument("customer_id")
@click.option("--reason", required=True, help="Kept in the change log.")
@with_appcontext
def move_link(user: str, customer_id: str, reason: str) -> None:
    """Link USER (our id or ext:ID) to another Stripe CUSTOMER_ID than before.

    The subscriptions of the former customer are the user's no longer, its open checkout is closed,
    and its metadata does not link it to the user again.
    """
    _end(user, customer_id, customer_links.move(user_referred(user), customer_id, reason))


@click.command("unlink-customer")
@click.argument("user")
@click.option("--reason", required=True, help="Kept in the change log.")
@with_appcontext
def unlink_customer(user: str, reason: str) -> None:
    """End the link between USER (our id or ext:ID) and their Stripe customer.

    The customer's subscriptions are the user's no longer, its open checkout is closed, and its
    metadata does not link it to the user again. A later purchase makes a new customer.
    """
    outcome = customer_links.unlink(user_referred(user), reason)
    click.echo(f"{user}  {outcome.value}")


@click.command("import-links")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--reason", help="Kept in the change log.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@by_email
@confirmed
@with_appcontext
def import_links(file: Path, reason: str | None, as_json: bool, by_email: bool, yes: bool) -> None:
    """Link every row of FILE, a CSV with the columns user and customer. Safe to repeat.

    Exit code 1 if a row could not be linked; the others are.
    """
    pairs = [_wanted(row["user"], row["customer"]) for row in _rows(file)]
    _confirm(pairs, by_email=by_email, yes=yes)
    outcomes = [(pair, _link(pair, by_email=by_email, reason=reason)) for pair in pairs]
    counts = Counter(outcome.value for _, outcome in outcomes)
    failed = [
        {"user": pair.user, "customer": pair.customer_id, "outcome": outcome.value}
        for pair, outcome in outcomes
        if not outcome.is_as_wanted
    ]
    if as_json:
        click.echo(json.dumps({"counts": dict(counts), "failed": failed}, indent=2))
    else:
        for row in failed:
            click.echo(f"{row['user']}  {row['customer']}  {row['outcome']}")
        click.echo(", ".join(f"{count} {name}" for name, count in counts.items()))
        click.echo("Next: flask billing reconcile --fix, which reports what is unlinked or double.")
    if failed:
        raise click.exceptions.Exit(1)


def _wanted(user: str, customer_id: str) -> WantedLink:
    try:
        return WantedLink(user, customer_id, user_named(user))
    except NotFound:
        return WantedLink(user, customer_id, None)


def _link(wanted: WantedLink, *, by_email: bool, reason: str | None) -> LinkOutcome:
    if is_address(wanted.user) and not by_email:
        return LinkOutcome.ADDRESS_PROVES_NOTHING
    if wanted.user_id is None:
        return LinkOutcome.NO_SUCH_USER
    return customer_links.link(wanted.user_id, wanted.customer_id, reason)


def _confirm(pairs: list[WantedLink], *, by_email: bool, yes: bool) -> None:
    """Show the pairs that only an address ties together; go on once they are confirmed."""
    unproven = [pair for pair in pairs if by_email and is_address(pair.user) and pair.user_id]
    for pair in unproven:
        click.echo(_description(pair), err=True)
    if unproven and not yes:
        click.confirm("Is each of them the owner of the customer?", abort=True, err=True)


def _description(pair: WantedLink) -> str:
    with reading() as session:
        registered = session.scalars(
            sa.select(User.created_at).where(User.id == pair.user_id)
        ).one()
    try:
        address = gateway().customer(pair.customer_id).email or "no address"
    except StripeMissing:
        address = "not at Stripe"
    return (
        f"{pair.user}  user {pair.user_id}, registered {registered:%Y-%m-%d %H:%M}  "
        f"{pair.customer_id}, {address}"
    )


def _end(user: str, customer_id: str, outcome: LinkOutcome) -> None:
    """Print what became of it; fetch a customer that is linked now, or exit with 1."""
    click.echo(f"{user}  {customer_id}  {outcome.value}")
    if outcome is LinkOutcome.ADDRESS_PROVES_NOTHING:
        raise click.ClickException(PROVES_NOTHING)
    if not outcome.is_as_wanted:
        raise click.exceptions.Exit(1)
    customer_links.refresh_now(customer_id)


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8-sig") as text:
        reader = csv.DictReader(text)
        if not {"user", "customer"} <= set(reader.fieldnames or []):
            raise click.ClickException(f"{file}: the first line must name user and customer")
        return [
            {"user": (row["user"] or "").strip(), "customer": (row["customer"] or "").strip()}
            for row in reader
        ]
