"""What do I have, why, until when, how much of it is used, and what was I billed?"""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from billing.entitlements import get_current_period_usage, latest_days, standing_of
from billing.identity.browsers import visitor
from billing.pages import ways
from billing.pages.plot import plotted
from billing.pages.pricing import holds_one, is_by_seat, is_going_on
from billing.sales.invoices import invoices_of
from billing.sales.portal import open_portal

NEWEST = 12
"""Invoices that are shown; the portal has them all."""

account = Blueprint("account", __name__)


@account.get("/account")
def show() -> str:
    """Show the plan of the visitor, what was used of it, and the newest invoices."""
    user_id = visitor().user_id
    standing = standing_of(user_id)
    return render_template(
        "pages/account.html",
        standing=standing,
        holds_one=holds_one(standing),
        is_going_on=is_going_on(standing),
        most_seats=standing.plan.max_quantity if is_by_seat(standing) else None,
        usage=get_current_period_usage(user_id).values(),
        plot=plotted(latest_days(user_id)),
        invoices=invoices_of(user_id, limit=NEWEST).invoices,
        was_changed="done" in request.args,
    )


@account.post("/account/portal")
def portal() -> ResponseReturnValue:
    """Go to Stripe's portal, where cards and the address on invoices are changed."""
    return ways.to_stripe(open_portal(visitor().user_id))
