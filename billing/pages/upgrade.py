"""Where does a mailed link lead? Straight to the payment, or to a page that says why not."""

from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue

from billing.sales.links import follow

upgrade = Blueprint("upgrade", __name__)


@upgrade.get("/upgrade/<token>")
def go(token: str) -> ResponseReturnValue:
    """Open a checkout at the click; nobody needs to be signed in."""
    return redirect(follow(token).url, 303)
