"""flask billing webhook: the endpoint at Stripe to which events are posted."""

import json

import click
from flask.cli import AppGroup

from billing.operations.stripe_side import WORKBENCH, wanted_events, webhook_url
from billing.stripe_api.events import API_VERSION
from billing.stripe_api.gateway import gateway
from billing.stripe_api.snapshots import EndpointSnapshot

ROTATION = f"""To change its secret without losing an event:
  1. At {WORKBENCH} choose the endpoint, then "Roll secret", and let the old one
     live for some hours: until then Stripe signs with both.
  2. Set STRIPE_WEBHOOK_SECRET=whsec_new,whsec_old and restart the service.
  3. flask billing doctor
  4. When the old one has run out, set STRIPE_WEBHOOK_SECRET=whsec_new and restart."""

webhook = AppGroup("webhook", help="The endpoint at Stripe to which events are posted.")


@webhook.command("create")
@click.option("--url", help="Where Stripe posts to. Default: APP_URL and /webhooks/stripe.")
@click.option("--replace", is_flag=True, help="Also if there is one already: make a second.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def create_endpoint(url: str | None, replace: bool, as_json: bool) -> None:
    """Make the endpoint with exactly the events that are handled. Its secret is shown once."""
    url = url or webhook_url()
    held = [one for one in gateway().webhook_endpoints() if one.url.rstrip("/") == url]
    if held and not replace:
        raise click.ClickException(
            f"{held[0].id} posts to {url} already. Its secret stands at {WORKBENCH}; to bring its "
            f"events up to date: flask billing webhook update {held[0].id}"
        )
    made = gateway().create_webhook_endpoint(url, wanted_events(), earlier=len(held))
    if as_json:
        click.echo(json.dumps(_row(made) | {"secret": made.secret}, indent=2))
        return
    click.echo(f"made {made.id}: {url}, {API_VERSION}, {len(made.events)} event types\n")
    click.echo(f"STRIPE_WEBHOOK_SECRET={made.secret}\n")
    click.echo("This is shown once. Put it into the service's environment", nl=False)
    click.echo(
        f" beside the old one (new,old), restart, then delete {held[0].id} at\n{WORKBENCH}"
        if held
        else ", restart, then run: flask billing doctor"
    )


@webhook.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_endpoints(as_json: bool) -> None:
    """Show every endpoint of the account, and what ours lack."""
    found = gateway().webhook_endpoints()
    if as_json:
        click.echo(json.dumps([_row(one) for one in found], indent=2))
        return
    for one in found:
        click.echo(f"{one.id}  {one.status}  {one.api_version or 'no version'}  {one.url}")
        if lacking := one.lacks(set(wanted_events())):
            click.echo(f"  lacks: {', '.join(sorted(lacking))}")
    if not found:
        click.echo("none; make one: flask billing webhook create")


@webhook.command("update")
@click.argument("endpoint_id")
def update_endpoint(endpoint_id: str) -> None:
    """Let ENDPOINT_ID (we_...) send exactly the events that are handled, and switch it on."""
    changed = gateway().update_webhook_endpoint(endpoint_id, wanted_events())
    click.echo(f"{changed.id} sends {len(changed.events)} event types to {changed.url}")
    if changed.api_version != API_VERSION:
        click.echo(f"Its version {changed.api_version} cannot be changed; better make a new one:")
        click.echo(f"  flask billing webhook create --replace --url {changed.url}")


@webhook.command("rotate")
def advise_rotation() -> None:
    """Tell how to change the signing secret without losing an event."""
    click.echo(ROTATION)


def _row(endpoint: EndpointSnapshot) -> dict[str, object]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "status": endpoint.status,
        "api_version": endpoint.api_version,
        "events": sorted(endpoint.events),
        "lacks": sorted(endpoint.lacks(set(wanted_events()))),
    }
