"""flask billing keys: service keys, with which the product's backends speak to us."""

import json
from dataclasses import asdict
from uuid import UUID

import click
from flask.cli import AppGroup

from billing.identity import service_keys
from billing.identity.service_keys import Scope

keys = AppGroup("keys", help="The keys of the product's backends.")


@keys.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What the key may be used for; give it once for each.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def create_key(name: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Make a key for the backend NAME. It is shown this once."""
    key_id, key = service_keys.create(name, map(Scope, scopes))
    made = {"id": str(key_id), "key": key}
    click.echo(json.dumps(made) if as_json else f"{key}\nmade {key_id}; it is not shown again")


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_keys(as_json: bool) -> None:
    """Show every key, the newest first; never the key itself."""
    found = [asdict(key) for key in service_keys.every()]
    if as_json:
        click.echo(json.dumps(found, default=str, indent=2))
        return
    for key in found:
        used = (
            f"last used {key['last_used_at']:%Y-%m-%d %H:%M}" if key["last_used_at"] else "unused"
        )
        ended = ", revoked" if key["revoked_at"] else ""
        scopes = " ".join(key["scopes"])
        click.echo(f"{key['id']}  {key['shown']}...  {key['name']} ({scopes}), {used}{ended}")


@keys.command("revoke")
@click.argument("key_id", type=click.UUID)
def revoke_key(key_id: UUID) -> None:
    """End a key: from now on it is refused. Safe to repeat."""
    service_keys.revoke(key_id)
    click.echo(f"revoked {key_id}")
