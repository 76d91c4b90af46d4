"""Who makes this request? Read once, before limits are counted; refused only where it is asked."""

from dataclasses import dataclass
from uuid import UUID

from flask import Flask, g, request

from billing.errors import BillingError, Forbidden, Unauthorized
from billing.identity import outside, service_keys, tokens
from billing.identity.keyring import IssuerUnavailable
from billing.identity.service_keys import Scope, Service
from config import Issuer

SCHEME = "bearer"


class WrongCaller(Forbidden):
    """A user's token where a service key is needed, or the other way round."""

    code = "wrong_caller"


class ScopeMissing(Forbidden):
    """The service key is good, and not for this."""

    code = "scope_missing"


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
    """Set `g.caller` or `g.service`: who asks, or None. A bad token is remembered, not refused."""
    g.caller, g.service, g.caller_fault = None, None, None
    if "Authorization" not in request.headers:
        return  # as Stripe's events do; `_fault` says what is missing
    try:
        token = bearer_token()
        if service_keys.is_service_key(token):
            g.service = service_keys.read(token)
            return
        reader = outside if outside.is_from_outside(token) else tokens
        g.caller = Caller(reader.read(token))
    except (Unauthorized, IssuerUnavailable) as fault:
        g.caller_fault = fault


def forget_deleted() -> None:
    """Make the caller a stranger: the token was good, and its user was deleted since."""
    g.caller, g.caller_fault = None, tokens.TokenInvalid()


def caller() -> Caller:
    """Return who makes this request. Raises Unauthorized, with a code that says why."""
    known: Caller | None = g.caller
    if known is not None:
        return known
    if g.service is not None:
        raise WrongCaller("This is for users; it does not take a service key.")
    raise _fault()


def service(scope: Scope | None = None) -> Service:
    """Return which backend makes this request. Raises Unauthorized, WrongCaller, ScopeMissing."""
    known: Service | None = g.service
    if known is None and g.caller is not None:
        raise WrongCaller("This is for backends; it needs a service key.")
    if known is None:
        raise _fault()
    if scope is not None and scope not in known.scopes:
        raise ScopeMissing(f"The service key lacks the scope {scope.value!r}.", scope=scope.value)
    return known


def _fault() -> BillingError:
    fault: BillingError | None = g.caller_fault
    return fault or tokens.TokenMissing("Send a bearer token.")


def bearer_token() -> str:
    """Read the Authorization header. Raises TokenMissing."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != SCHEME or not token.strip():
        raise tokens.TokenMissing("Send the header: Authorization: Bearer <access token>.")
    return token.strip()
