"""flask billing prune: drop what counting and answering no longer need."""

import json
from dataclasses import asdict
from datetime import timedelta

import click
from flask.cli import with_appcontext

from billing.entitlements import pruning


@click.command("prune")
@click.option(
    "--days",
    type=click.IntRange(min=1),
    default=90,
    show_default=True,
    help="How long they are kept. A call that is repeated later than this counts again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def prune_usage(days: int, as_json: bool) -> None:
    """Delete old idempotency keys of counted calls, old reservations that ended, and the answers
    that were kept a day for requests sent again.
    """
    pruned = pruning.prune(timedelta(days=days))
    if as_json:
        click.echo(json.dumps(asdict(pruned)))
    else:
        told = f"{pruned.keys} keys, {pruned.reservations} reservations, {pruned.answers} answers"
        click.echo(f"deleted {told}")
