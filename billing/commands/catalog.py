"""flask billing catalog: does Stripe sell what plans.toml describes?"""

import json

import click
from flask.cli import AppGroup

from billing.catalog import apply, plans

catalog = AppGroup("catalog", help="Products and prices at Stripe, as plans.toml wants them.")


@catalog.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def check_catalog(as_json: bool) -> None:
    """Name the prices that Stripe lacks; exit 1 if there is one."""
    missing = [one.lookup_key for one in apply.missing_prices(plans.load())]
    if as_json:
        click.echo(json.dumps({"missing": missing}))
    for lookup_key in [] if as_json else missing:
        click.echo(f"no price at Stripe: {lookup_key}  (mend: flask billing catalog apply)")
    if missing:
        raise click.exceptions.Exit(1)


@catalog.command("apply")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def apply_catalog(as_json: bool) -> None:
    """Make what is missing at Stripe, and follow it here. Safe to repeat."""
    made = [price.lookup_key for price in apply.apply(plans.load())]
    if as_json:
        click.echo(json.dumps({"made": made}))
        return
    for lookup_key in made:
        click.echo(f"made {lookup_key}")
    click.echo("Stripe offers every price of plans.toml")
