"""flask billing status: what is owed, stuck or given up?"""

import json
from dataclasses import asdict
from datetime import datetime

import click
from flask.cli import with_appcontext

from billing.operations import work
from billing.operations.work import Work


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def show_status(as_json: bool) -> None:
    """Show the open work: events, refreshes, drift, and when Stripe was last compared."""
    found = work.survey()
    if as_json:
        click.echo(json.dumps(asdict(found), default=_text, indent=2))
        return
    for line in _lines(found):
        click.echo(line)


def _lines(found: Work) -> list[str]:
    events = ", ".join(f"{count} {state}" for state, count in found.events.items())
    owed = ", ".join(f"{count} {kind}" for kind, count in found.owed.items())
    drift = ", ".join(f"{count} {kind}" for kind, count in found.drift.items())
    return [
        f"events      {events}; oldest open {_ago(found.oldest_event_at, found, 'none')}",
        f"            newest {_ago(found.newest_event_at, found)}",
        *(f"  dead      {one.count} x {one.error}  ({one.example})" for one in found.dead),
        f"refreshes   owed: {owed}; oldest due {_ago(found.oldest_due_at, found, 'none')}",
        f"            {found.failing} failing, {found.parked} parked",
        *(
            f"  {'parked ' if one.parked else 'failing'}   {one.kind.value} {one.id} "
            f"since {_ago(one.failing_since, found)}: {one.error}"
            for one in found.stuck
        ),
        f"drift       {drift or 'none open'}",
        f"reconciled  {_ago(found.reconciled_at, found)}",
        f"gaps        looked for {_ago(found.gaps_reached, found)}",
    ]


def _ago(at: datetime | None, found: Work, nothing: str = "never") -> str:
    if at is None:
        return nothing
    minutes, seconds = divmod(max(0, int((found.now - at).total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} days ago"
    return f"{hours} h {minutes} min ago" if hours else f"{minutes} min {seconds} s ago"


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
