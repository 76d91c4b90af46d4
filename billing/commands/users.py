"""flask billing users: accounts, made and listed by hand."""

import json
import sys
from dataclasses import asdict

import click
from flask.cli import AppGroup
from rich.console import Console
from rich.table import Column, Table

from billing.database import transaction
from billing.errors import Invalid
from billing.identity import users as accounts

users = AppGroup("users", help="The accounts of the product's users.")


@users.command("create")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def create_user(email: str, password_stdin: bool, as_json: bool) -> None:
    """Make an account for EMAIL; the password is asked for."""
    try:
        applicant = accounts.prepare(email, _password(password_stdin))
        with transaction():
            user_id = accounts.create(applicant)
    except accounts.EmailTaken as taken:
        raise click.ClickException(taken.detail) from None
    except Invalid as refused:
        raise click.ClickException(_told(refused)) from None
    click.echo(json.dumps({"id": str(user_id)}) if as_json else f"made user {user_id}")


@users.command("free-address")
@click.argument("email")
@click.option("--reason", required=True, help="Kept in the change log.")
def free_address(email: str, reason: str) -> None:
    """Take EMAIL from the account that registered it, so that its owner can register.

    That account is logged out and keeps its id, its Stripe customer and its subscriptions; it
    cannot sign in by the address any more.
    """
    click.echo(f"{email} is free; user {accounts.free_address(email, reason)} had it")


@users.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_users(limit: int, as_json: bool) -> None:
    """Show accounts, the newest first."""
    found = accounts.newest(limit)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], default=str, indent=2))
        return
    table = Table(Column("id", min_width=36), "email", "made")
    for one in found:
        table.add_row(str(one.id), one.email, one.created_at.isoformat(" ", "seconds"))
    Console(soft_wrap=True).print(table)


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return asked


def _told(refused: Invalid) -> str:
    """Put the reasons that the API would list behind the sentence."""
    facts = refused.facts
    reasons = facts["reasons"] if "reasons" in facts else facts["errors"]["email"]
    return " ".join([refused.detail, *reasons])
