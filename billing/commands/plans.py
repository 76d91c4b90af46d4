"""flask billing seed-plans: bring plans.toml into the database."""

from dataclasses import asdict
from pathlib import Path

import click
from flask import json
from flask.cli import with_appcontext

from billing.catalog import plans
from billing.catalog.seed import PlanDifference, seed
from billing.database import transaction
from billing.settings import settings


@click.command("seed-plans")
@click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=plans.PLANS_FILE,
    help="The plans, as TOML.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what changed as JSON.")
@with_appcontext
def cli(path: Path, as_json: bool) -> None:
    """Bring plans.toml into the database; running it again changes nothing."""
    offered = plans.load(path)
    with transaction():
        changed = seed(offered, settings().default_currency)
    if as_json:
        click.echo(json.dumps({"changed": [asdict(one) for one in changed]}))
        return
    for one in changed:
        click.echo(_line(one))
    if not changed:
        click.echo(f"{len(offered)} plans, nothing to change")


def _line(changed: PlanDifference) -> str:
    return f"{changed.plan}.{changed.field}: {changed.before} -> {changed.after}"
