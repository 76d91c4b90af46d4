"""Did this form come from our own page? Each carries a token that belongs to this browser."""

import hashlib
import hmac
import secrets

from flask import Response, g, request

from billing.api.bodies import BODY_CAP
from billing.errors import Forbidden
from billing.identity.browsers import cookie_name, give_cookie
from billing.settings import settings
from billing.web.text import refuse_unstorable

FIELD = "form_token"
COOKIE = "form"


class FormForeign(Forbidden):
    """The form was not made for this browser and session."""

    code = "form_foreign"


def token() -> str:
    """Make the token of the forms on this page: signed, for this browser and this session."""
    return _signed(_browser())


def refuse_foreign() -> None:
    """Raise FormForeign for a form without the token, Invalid for text that cannot be stored."""
    request.max_content_length = BODY_CAP
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    refuse_unstorable(request.form.items(multi=True))
    shown = request.form.get(FIELD, "")
    if not hmac.compare_digest(shown.encode("utf-8", "replace"), _signed(_browser()).encode()):
        raise FormForeign("This form is out of date. Go back, load the page again and resend it.")


def remember(response: Response) -> Response:
    """Give a browser that has seen its first form the cookie that goes with it."""
    if "form_browser" in g:
        give_cookie(response, COOKIE, g.form_browser)
    return response


def _browser() -> str:
    known = request.cookies.get(cookie_name(COOKIE))
    if known:
        return known
    made: str = g.setdefault("form_browser", secrets.token_urlsafe(18))
    return made


def _signed(browser: str) -> str:
    session = g.visitor.session if g.visitor else ""
    text = f"form:{browser}:{session}".encode("utf-8", "replace")
    return hmac.new(settings().jwt_secret.encode(), text, hashlib.sha256).hexdigest()
