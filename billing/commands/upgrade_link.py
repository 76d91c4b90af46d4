"""flask billing upgrade-link: a link to mail, that sells a plan to a user."""

import click
from flask.cli import with_appcontext

from billing.identity.references import user_named
from billing.sales.links import upgrade_link


@click.command("upgrade-link")
@click.argument("user")
@click.argument("plan")
@click.option("--interval", type=click.Choice(["month", "year"]), default="month")
@with_appcontext
def make_upgrade_link(user: str, plan: str, interval: str) -> None:
    """Print a link that sells PLAN to USER (an id or an e-mail address) without signing in."""
    made = upgrade_link(user_named(user), plan, interval)
    click.echo(made.url)
    click.echo(f"good until {made.expires_at.isoformat()}", err=True)
