"""How does a person become a caller? Register, log in, see the own account."""

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import UUID, DateTime, Email, Integer, String
from apiflask.validators import Length
from flask import Response, after_this_request

from billing.api import headers
from billing.identity import caller, devices, emails, passwords, sessions, sign_in, users

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


class RefreshRequest(Schema):
    """The refresh token of the last answer."""

    refresh_token = String(required=True, validate=Length(max=200))


class TokenResponse(Schema):
    """A bearer token for requests, one to get the next with, and the seconds that each holds."""

    access_token = String(required=True)
    token_type = String(required=True)
    expires_in = Integer(required=True)
    refresh_token = String(required=True)
    refresh_expires_in = Integer(required=True)


class AccountResponse(Schema):
    """The account of the caller."""

    id = UUID(required=True)
    email = Email(required=True, allow_none=True)
    created_at = DateTime(required=True)


@auth.post("/register")
@auth.doc(responses={409: "Another account has this address (`email_taken`)."})
@auth.input(Credentials)
@auth.output(TokenResponse, status_code=201)
def register(json_data: dict[str, str]) -> dict[str, Any]:
    """Make an account and log it in."""
    grant = sign_in.register(**json_data)
    _remember_device(json_data["email"])
    return asdict(grant)


@auth.post("/login")
@auth.doc(responses={401: "The address is unknown or the password is wrong (`bad_credentials`)."})
@auth.input(Credentials)
@auth.output(TokenResponse)
def login(json_data: dict[str, str]) -> dict[str, Any]:
    """Exchange address and password for tokens."""
    grant = sign_in.log_in(**json_data)
    _remember_device(json_data["email"])
    return asdict(grant)


@auth.post("/refresh")
@auth.doc(responses={401: "`refresh_token_invalid`, or `refresh_token_reused`: log in again."})
@auth.input(RefreshRequest)
@auth.output(TokenResponse)
def refresh(json_data: dict[str, str]) -> dict[str, Any]:
    """Exchange a refresh token for new tokens. It is good once: used again, it ends the session."""
    return asdict(sign_in.refresh(**json_data))


@auth.post("/logout")
@auth.input(RefreshRequest)
@auth.output({}, status_code=204)
def logout(json_data: dict[str, str]) -> str:
    """End the session of a refresh token; access tokens already given out run out by themselves."""
    sessions.end(**json_data)
    return ""


@auth.get("/me")
@auth.output(AccountResponse)
def me() -> dict[str, Any]:
    """Show the account of the caller."""
    return asdict(users.account(caller().user_id))


def _remember_device(email: str) -> None:
    """Give the device its cookie with this answer; it lifts a limit and signs nobody in."""

    @after_this_request
    def remember(response: Response) -> Response:
        devices.remember(response, email)
        return response
