"""flask billing events: what came in, how far it got, and once more from the start."""

import json

import click
import sqlalchemy as sa
from flask.cli import AppGroup
from rich.console import Console
from rich.progress import track

from billing.database import reading
from billing.models import EventState, StripeEvent, StripeEventPayload
from billing.stripe_sync import processing

COLUMNS = ("received", "event", "state", "type", "about", "error")

events = AppGroup("events", help="The inbox: list, show and replay events from Stripe.")


@events.command("list")
@click.option("--state", type=click.Choice([state.value for state in EventState]))
@click.option("--type", "type_", help="Only events of this type.")
@click.option("--customer", help="Only events of this Stripe customer (or product).")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_events(
    state: str | None, type_: str | None, customer: str | None, limit: int, as_json: bool
) -> None:
    """Show events, the newest first."""
    rows = [_row(event) for event in _find(state, type_, customer, limit)]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo("  ".join(row[name] or "-" for name in COLUMNS))


@events.command("show")
@click.argument("event_id")
def show_event(event_id: str) -> None:
    """Show one event and its body as it came."""
    with reading() as session:
        event = session.get(StripeEvent, event_id)
        body = session.get(StripeEventPayload, event_id)
    if event is None:
        raise click.ClickException(f"{event_id} is not in the inbox")
    click.echo(json.dumps(_row(event) | {"generation": event.generation}, indent=2))
    click.echo(body.body if body else "(the body is no longer kept)")


@events.command("replay")
@click.argument("event_ids", nargs=-1)
@click.option("--state", type=click.Choice(["dead", "received"]), help="Every event in this state.")
@click.option("--type", "type_", help="Only events of this type.")
@click.option("--customer", help="Only events of this Stripe customer (or product).")
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def replay_events(
    event_ids: tuple[str, ...],
    state: str | None,
    type_: str | None,
    customer: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Run dead or waiting events again. Safe to repeat: what is done stays done."""
    if not event_ids and not (state or type_ or customer):
        raise click.UsageError("name events, or choose them by --state, --type or --customer")
    chosen = list(event_ids) or [e.stripe_event_id for e in _find(state, type_, customer, limit)]
    unknown = 0
    outcomes = {}
    for event_id in track(chosen, "replaying", console=Console(stderr=True), disable=as_json):
        outcome = processing.resume(event_id, replay=True)
        outcomes[event_id] = outcome.value if outcome else "unknown"
        unknown += outcome is None
    if as_json:
        click.echo(json.dumps(outcomes, indent=2))
    else:
        for event_id, text in outcomes.items():
            click.echo(f"{event_id}  {text}")
    if unknown:
        raise click.exceptions.Exit(1)


def _find(
    state: str | None, type_: str | None, customer: str | None, limit: int
) -> list[StripeEvent]:
    wanted = {"state": state, "type": type_, "subject": customer}
    query = sa.select(StripeEvent).order_by(StripeEvent.received_at.desc()).limit(limit)
    for name, value in wanted.items():
        if value is not None:
            query = query.where(getattr(StripeEvent, name) == value)
    with reading() as session:
        found = list(session.scalars(query))
        session.expunge_all()
    return found


def _row(event: StripeEvent) -> dict[str, str | None]:
    return {
        "event": event.stripe_event_id,
        "type": event.type,
        "state": event.state.value,
        "about": event.subject,
        "received": event.received_at.isoformat("T", "seconds"),
        "error": event.error,
    }
