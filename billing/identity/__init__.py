"""Who is calling? Accounts, passwords, tokens, and the caller of a request."""

from billing.identity import users
from billing.identity.callers import Caller, caller, init_app

__all__ = ["Caller", "caller", "init_app", "users"]
