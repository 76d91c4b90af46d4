"""flask billing link-customer, import-links: who is which Stripe customer?"""

import csv
import json
from pathlib import Path

import click
from flask.cli import with_appcontext

from billing.stripe_sync.truths import links
from billing.stripe_sync.truths.links import LinkOutcome


@click.command("link-customer")
@click.argument("user")
@click.argument("customer_id")
@with_appcontext
def link_customer(user: str, customer_id: str) -> None:
    """Say that USER (our id or an e-mail address) is the Stripe CUSTOMER_ID. Never moves a link."""
    outcome = links.link_by_hand(user, customer_id)
    click.echo(f"{user}  {customer_id}  {outcome.value}")
    if outcome not in {LinkOutcome.LINKED, LinkOutcome.ALREADY_LINKED}:
        raise click.exceptions.Exit(1)


@click.command("import-links")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def import_links(file: Path, as_json: bool) -> None:
    """Link every row of FILE, a CSV with the columns user and customer. Safe to repeat.

    Exit code 1 if a row could not be linked; the others are.
    """
    rows = _rows(file)
    outcomes = [(row, links.link_by_hand(row["user"], row["customer"])) for row in rows]
    counts = {one.value: sum(found is one for _, found in outcomes) for one in LinkOutcome}
    failed = [
        {**row, "outcome": found.value}
        for row, found in outcomes
        if found not in {LinkOutcome.LINKED, LinkOutcome.ALREADY_LINKED}
    ]
    if as_json:
        click.echo(json.dumps({"counts": counts, "failed": failed}, indent=2))
    else:
        for row in failed:
            click.echo(f"{row['user']}  {row['customer']}  {row['outcome']}")
        click.echo(", ".join(f"{count} {name}" for name, count in counts.items() if count))
        click.echo("Next: flask billing reconcile --fix, which reports what is unlinked or double.")
    if failed:
        raise click.exceptions.Exit(1)


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8-sig") as text:
        reader = csv.DictReader(text)
        if not {"user", "customer"} <= set(reader.fieldnames or []):
            raise click.ClickException(f"{file}: the first line must name user and customer")
        return [
            {"user": (row["user"] or "").strip(), "customer": (row["customer"] or "").strip()}
            for row in reader
        ]
