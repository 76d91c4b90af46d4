"""flask billing worker: works off what the inbox holds, for BILLING_PROCESSING=worker."""

import signal
import threading

import click
from flask import current_app
from flask.cli import with_appcontext

from billing.database import db
from billing.stripe_sync import sweep

POLL_SECONDS = 0.25


@click.command("worker")
@with_appcontext
def run_worker() -> None:
    """Take up events and refreshes until told to stop; run as many of these as you like."""
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    click.echo(f"worker of {current_app.name} at work")
    while not stop.is_set():
        if sweep.sweep_or_log(untouched_seconds=0, stopping=stop) == 0:
            stop.wait(POLL_SECONDS)
        db.session.remove()
