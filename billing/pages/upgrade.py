"""Mailed upgrade link: a page that says what is sold, with a button that leads to the payment.

Looking at the page changes nothing: scanners of mail open every link before its reader does.
"""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from billing.pages import ways
from billing.pages.pricing import offered
from billing.sales import links

upgrade = Blueprint("upgrade", __name__)


@upgrade.get("/upgrade/<token>")
def show(token: str) -> str:
    """Show what the link sells; nobody needs to be signed in."""
    promise = links.check(token)
    plan, price = offered(promise.plan_name, promise.interval)
    return render_template(
        "pages/upgrade.html", plan=plan, price=price, interval=promise.interval, token=token
    )


@upgrade.post("/upgrade/<token>")
def go(token: str) -> ResponseReturnValue:
    """Open a checkout for the user whom the link names, and go there."""
    return ways.to_stripe(links.follow(token).url)
