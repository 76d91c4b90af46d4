"""flask billing emulator: a stand-in for Stripe on this machine, for development."""

import signal
import threading
from pathlib import Path

import click

from billing.emulator import Emulator


@click.command("emulator")
@click.option("--port", default=12111, show_default=True, type=click.IntRange(0, 65535))
@click.option("--state", type=click.Path(path_type=Path), help="Keep the account in this file.")
@click.option("--webhook", help="Deliver events to this address.")
@click.option("--webhook-secret", envvar="STRIPE_WEBHOOK_SECRET", help="Sign them with this.")
def run_emulator(
    port: int, state: Path | None, webhook: str | None, webhook_secret: str | None
) -> None:
    """Run the Stripe emulator until it is told to stop. No Stripe account is touched."""
    emulator = Emulator(state_file=state)
    url = emulator.serve(port)
    if webhook:
        emulator.add_webhook(webhook, (webhook_secret or "").split(",")[0] or None)
    click.echo(f"Stripe emulator on {url}")
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    stop.wait()
    emulator.stop()
