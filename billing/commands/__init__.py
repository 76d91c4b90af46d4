"""The commands of `flask billing`, and how each of them ends when something is wrong.

Exit codes: 1 something differs, fails or was refused; 2 the command line is wrong; 3 Stripe did not
answer, call it again; 4 the database is away, busy or not migrated.
"""

from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup

from billing.catalog.plans import BadPlans
from billing.commands import (
    catalog,
    doctor,
    emulator,
    events,
    explain,
    gaps,
    ignore,
    keys,
    links,
    plans,
    prune,
    reconcile,
    refresh,
    status,
    upgrade_link,
    users,
    webhook,
    worker,
)
from billing.errors import (
    BillingError,
    DatabaseUnavailable,
    StripeUnavailable,
    is_database_away,
    is_unmigrated,
)
from billing.stripe_api.faults import StripeKeyRefused
from billing.stripe_api.snapshots.shapes import Unreadable


class StripeAway(click.ClickException):
    """Stripe did not answer as it should."""

    exit_code = 3


class DatabaseAway(click.ClickException):
    """The database is away, busy or not migrated."""

    exit_code = 4


class CommandGroup(AppGroup):
    """A group whose commands end in one line on standard error, never in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises ClickException for every fault that an operator can act on."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            ending = ending_of(error)
            if ending is None:
                raise
            raise ending from None


def ending_of(error: Exception) -> click.ClickException | None:
    """Return the line and exit code for a fault; None for what only a developer can mend."""
    if is_unmigrated(error):
        return DatabaseAway("the database is not migrated; run: flask --app wsgi db upgrade")
    if is_database_away(error) or isinstance(error, DatabaseUnavailable):
        return DatabaseAway("the database is busy or away; check DATABASE_URL and call it again")
    if isinstance(error, StripeKeyRefused):
        return click.ClickException(f"{error} Check STRIPE_SECRET_KEY; see: flask billing doctor")
    if isinstance(error, StripeUnavailable):
        return StripeAway(f"{error} Call it again.")
    if isinstance(error, Unreadable):
        return click.ClickException(f"Stripe's answer cannot be read: {error}")
    if isinstance(error, BillingError | BadPlans):
        return click.ClickException(str(error))
    return None


billing = CommandGroup("billing", help="Run the billing service by hand.")

COMMANDS = [
    doctor.run_doctor,
    status.show_status,
    webhook.webhook,
    plans.cli,
    catalog.catalog,
    emulator.run_emulator,
    worker.run_worker,
    reconcile.reconcile_account,
    gaps.find_gaps,
    links.link_customer,
    links.move_link,
    links.unlink_customer,
    links.import_links,
    upgrade_link.make_upgrade_link,
    upgrade_link.revoke_upgrade_links,
    events.events,
    refresh.refresh_customer,
    refresh.map_price_by_hand,
    ignore.ignore_object,
    users.users,
    explain.explain_user,
    keys.keys,
    prune.prune_usage,
]


def init_app(app: Flask) -> None:
    """Give the application its commands."""
    for command in COMMANDS:
        billing.add_command(command)
    app.cli.add_command(billing)
