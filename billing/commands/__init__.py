"""`flask billing ...`: what an operator does by hand."""

from flask import Flask
from flask.cli import AppGroup

from billing.commands import (
    catalog,
    doctor,
    emulator,
    events,
    explain,
    gaps,
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

billing = AppGroup("billing", help="Run the billing service by hand.")

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
    links.import_links,
    upgrade_link.make_upgrade_link,
    events.events,
    refresh.refresh_customer,
    refresh.map_price_by_hand,
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
