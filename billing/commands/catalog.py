"""flask billing catalog: does Stripe sell what plans.toml describes?"""

import json
from collections.abc import Iterable

import click
from flask.cli import AppGroup

from billing.catalog import apply, holders, plans
from billing.catalog.steps import Step
from billing.settings import settings

catalog = AppGroup("catalog", help="What Stripe sells and its portal allows, as plans.toml says.")


@catalog.command("plan")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def plan_catalog(as_json: bool) -> None:
    """Show what `apply` would do at Stripe, and whom `seed-plans` would touch. Changes nothing."""
    offered = plans.load()
    steps = apply.plan(offered)
    touched = holders.touched(offered, settings().default_currency)
    if as_json:
        told = [{"plan": one.plan, "fields": one.fields, "holders": one.holders} for one in touched]
        click.echo(json.dumps({"steps": _texts(steps), "plans": told}))
        return
    for text in _texts(steps):
        click.echo(text)
    for one in touched:
        click.echo(f"~ plan {one.plan}: {', '.join(one.fields)}; {one.holders} holders")
    if not steps and not touched:
        click.echo("Nothing to do.")


@catalog.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def check_catalog(as_json: bool) -> None:
    """Name what differs at Stripe; exit 1 if anything does."""
    steps = apply.plan(plans.load())
    if as_json:
        missing = [step.lookup_key for step in steps if step.lookup_key]
        click.echo(json.dumps({"steps": _texts(steps), "missing": missing}))
    for text in [] if as_json else _texts(steps):
        click.echo(f"{text}  (mend: flask billing catalog apply)")
    if steps:
        raise click.exceptions.Exit(1)


@catalog.command("apply")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def apply_catalog(as_json: bool) -> None:
    """Bring Stripe to what plans.toml says, and follow it here. Safe to repeat."""
    taken = apply.apply(plans.load())
    if as_json:
        made = [step.lookup_key for step in taken if step.lookup_key]
        click.echo(json.dumps({"steps": _texts(taken), "made": made}))
        return
    for text in _texts(taken):
        click.echo(text)
    click.echo("Stripe sells what plans.toml describes.")


def _texts(steps: Iterable[Step]) -> list[str]:
    return [step.text for step in steps]
