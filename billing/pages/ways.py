"""Where may a page send its visitor? To our own pages, and to Stripe's as we were told them."""

import re

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from billing.pages.frame import payment_origins
from config import origin_of

OWN = re.compile(r"/(pricing|account(/change|/cancel)?|checkout(/done)?)(\?[\w=&.-]*)?", re.ASCII)


def own(path: str | None) -> str | None:
    """Pass the address of one of our pages; anything else is None."""
    return path if path and OWN.fullmatch(path) else None


def here() -> str | None:
    """Name the page that is asked for, to come back to."""
    return own(request.full_path.rstrip("?"))


def to_stripe(url: str) -> ResponseReturnValue:
    """Send the visitor to a page at Stripe.

    The policy of the page that held the form names Stripe's own addresses. A domain of the
    company's own cannot be known beforehand: a page of ours leads there, which no policy hinders.
    """
    if origin_of(url) in payment_origins():
        return redirect(url, 303)
    return render_template("pages/leaving.html", url=url)
