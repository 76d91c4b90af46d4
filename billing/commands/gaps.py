"""flask billing gaps: did every event of Stripe's last 30 days arrive, and end?"""

import json

import click
from flask.cli import with_appcontext
from rich.console import Console
from rich.status import Status

from billing.errors import StripeUnavailable
from billing.stripe_api import transport
from billing.stripe_sync.healing import gaps
from billing.stripe_sync.healing.gaps import Gaps

LEFT = 1
CUT_OFF = 3


@click.command("gaps")
@click.option("--fix/--dry-run", default=False, help="Take in what is missing. Default: only tell.")
@click.option("--days", type=click.FloatRange(0.01, 30), help="Default: since the last clean look.")
@click.option("--rate", default=10.0, show_default=True, type=click.FloatRange(0.1, 100))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def find_gaps(fix: bool, days: float | None, rate: float, as_json: bool) -> None:
    """Hold Stripe's log of events against the inbox.

    RATE is calls a second. Exit codes: 0 nothing is missing (any more), 1 something is, 3 Stripe
    failed on the way; call it again.
    """
    console = Console(stderr=True, quiet=as_json)
    with console.status("asking Stripe ...") as status, transport.paced(rate):
        try:
            found = gaps.look(fix=fix, days=days, on_page=lambda so_far: _show(status, so_far))
        except StripeUnavailable as fault:
            click.echo(f"cut off: {fault.detail} Call it again.", err=True)
            raise click.exceptions.Exit(CUT_OFF) from None
    click.echo(json.dumps(_document(found), indent=2) if as_json else _text(found))
    if found.left:
        raise click.exceptions.Exit(LEFT)


def _show(status: Status, found: Gaps) -> None:
    status.update(f"{found.processed} processed, {found.left.total} missing or unfinished")


def _document(found: Gaps) -> dict[str, object]:
    return {
        "processed": found.processed,
        "ignored": found.ignored,
        "never_delivered": found.never_delivered,
        "unfinished": found.unfinished,
        "taken_in": found.taken_in,
        "left": found.left,
        "left_unshown": found.left.unshown,
    }


def _text(found: Gaps) -> str:
    lines = [f"never delivered  {one}" for one in found.never_delivered]
    lines += [f"not finished     {one}" for one in found.unfinished]
    lines.append(
        f"{found.processed} processed, {found.never_delivered.total} never delivered, "
        f"{found.unfinished.total} not finished, {found.taken_in.total} taken in now"
    )
    return "\n".join(lines)
