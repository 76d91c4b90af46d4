"""The commands upgrade-link and revoke-links: links to mail, that sell a plan to a user."""

import click
from flask.cli import with_appcontext

from billing.identity.references import user_named
from billing.sales.links import revoke_links, upgrade_link


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


@click.command("revoke-links")
@click.argument("user")
@with_appcontext
def revoke_upgrade_links(user: str) -> None:
    """Revoke every upgrade link of USER (an id or an e-mail address) that was made until now."""
    revoke_links(user_named(user))
    click.echo("Every upgrade link of this user made until now is revoked.")
