"""How does a person become a caller? Register, log in, see the own account."""

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import UUID, DateTime, Email, Integer, String
from apiflask.validators import Length

from billing import clock
from billing.api import headers
from billing.identity import caller, emails, passwords, tokens, users

auth = APIBlueprint("auth", __name__, url_prefix="/v1/auth", tag="Accounts")
auth.after_request(headers.forbid_storing)


class Credentials(Schema):
    """An address and its password."""

    email = String(required=True, metadata={"format": "email", "maxLength": emails.MAX_LENGTH})
    password = String(
        required=True,
        validate=Length(max=passwords.MAX_LENGTH),
        metadata={"format": "password"},
    )


class TokenResponse(Schema):
    """A bearer token and the seconds that it holds."""

    access_token = String(required=True)
    token_type = String(required=True)
    expires_in = Integer(required=True)


class AccountResponse(Schema):
    """The account of the caller."""

    id = UUID(required=True)
    email = Email(required=True, allow_none=True)
    created_at = DateTime(required=True)


@auth.post("/register")
@auth.input(Credentials)
@auth.output(TokenResponse, status_code=201)
def register(json_data: dict[str, str]) -> dict[str, Any]:
    """Make an account and log it in."""
    return asdict(tokens.issue(users.register(**json_data), clock.utc_now()))


@auth.post("/login")
@auth.input(Credentials)
@auth.output(TokenResponse)
def login(json_data: dict[str, str]) -> dict[str, Any]:
    """Exchange address and password for a token."""
    return asdict(tokens.issue(users.authenticate(**json_data), clock.utc_now()))


@auth.get("/me")
@auth.output(AccountResponse)
def me() -> dict[str, Any]:
    """Show the account of the caller."""
    return asdict(users.account(caller().user_id))
