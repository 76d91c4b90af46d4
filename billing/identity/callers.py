"""Who makes this request? Read once, before limits are counted; refused only where it is asked."""

from dataclasses import dataclass
from uuid import UUID

from flask import Flask, g, request

from billing.errors import BillingError, Unauthorized
from billing.identity import outside, tokens
from billing.identity.keyring import IssuerUnavailable
from config import Issuer

SCHEME = "bearer"


@dataclass(frozen=True, slots=True)
class Caller:
    """The user who makes the request."""

    user_id: UUID


def init_app(app: Flask, outside_issuer: Issuer | None) -> None:
    """Read the token of every request. Call this before the limiter's init_app."""
    if outside_issuer is not None:
        outside.init_app(app, outside_issuer)
    app.before_request(identify)


def identify() -> None:
    """Set `g.caller`: the caller, or None. A bad token is remembered, not yet refused."""
    g.caller, g.caller_fault = None, None
    try:
        token = bearer_token()
        reader = outside if outside.is_from_outside(token) else tokens
        g.caller = Caller(reader.read(token))
    except (Unauthorized, IssuerUnavailable) as fault:
        g.caller_fault = fault


def caller() -> Caller:
    """Return who makes this request. Raises Unauthorized, with a code that says why."""
    known: Caller | None = g.caller
    fault: BillingError | None = g.caller_fault
    if known is not None:
        return known
    raise fault or tokens.TokenMissing("Send a bearer token.")


def bearer_token() -> str:
    """Read the Authorization header. Raises TokenMissing."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != SCHEME or not token.strip():
        raise tokens.TokenMissing("Send the header: Authorization: Bearer <access token>.")
    return token.strip()
