"""Who is calling? Accounts, passwords, tokens, and the caller of a request."""

from billing.identity import sign_in, users
from billing.identity.callers import Caller, caller, init_app, service

__all__ = ["Caller", "caller", "init_app", "service", "sign_in", "users"]
