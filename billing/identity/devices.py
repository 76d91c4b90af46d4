"""Devices that signed in before: a signed cookie, which signs nobody in.

Whoever guesses passwords from many addresses uses up the budget of the account. The devices that
its owner signed in with have a budget of their own, so they are not locked out.
"""

import hashlib

from flask import Response, request
from itsdangerous import BadData, URLSafeTimedSerializer

from billing.identity import emails
from billing.identity.browsers import cookie_name, give_cookie
from billing.settings import settings

COOKIE = "device"
PURPOSE = "device"
SECONDS = 365 * 24 * 3600


def account_hash(email: str) -> str:
    """Return what stands for the account of an address, without the address in the clear."""
    return hashlib.sha256(emails.normalised(email).encode(errors="replace")).hexdigest()


def remember(response: Response, email: str) -> None:
    """Give the device the cookie that says that this account signed in with it."""
    give_cookie(response, COOKIE, str(_signer().dumps(account_hash(email))), SECONDS)


def is_known(account: str) -> bool:
    """Return whether the device that sent the request signed in to this account before."""
    cookie = request.cookies.get(cookie_name(COOKIE), "")
    try:
        return bool(_signer().loads(cookie, max_age=SECONDS) == account)
    except (BadData, ValueError, TypeError):
        return False


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings().jwt_secret, salt=PURPOSE)
