"""How does a visitor change or end the own subscription? First what it means, then the button."""

import re

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.catalog import listing
from billing.entitlements import standing_of
from billing.errors import Invalid, NotFound
from billing.identity.browsers import visitor
from billing.pages.pricing import INTERVALS
from billing.sales import changes as sales
from billing.sales import endings, previews
from billing.sales.targets import Wish

SEATS = re.compile("[1-9][0-9]{0,5}")

changes = Blueprint("changes", __name__, url_prefix="/account")


@changes.get("/change")
def show_change() -> str:
    """Show what a change would cost, and when."""
    wish, user_id = wished(), visitor().user_id
    preview = previews.preview(user_id, wish)
    name = wish.plan_name
    plan = standing_of(user_id).plan if name is None else listing.find(name).terms
    return render_template("pages/change.html", preview=preview, wish=wish, plan=plan)


@changes.post("/change")
def change() -> ResponseReturnValue:
    """Make the change, or plan it."""
    sales.change(visitor().user_id, wished())
    return _back()


@changes.get("/cancel")
def show_cancel() -> str:
    """Show what the end would mean."""
    return render_template("pages/cancel.html", standing=standing_of(visitor().user_id))


@changes.post("/cancel")
def cancel() -> ResponseReturnValue:
    """Let the subscription end with its period."""
    endings.cancel(visitor().user_id)
    return _back()


@changes.post("/resume")
def resume() -> ResponseReturnValue:
    """Take back a planned end or change."""
    endings.resume(visitor().user_id)
    return _back()


def wished() -> Wish:
    """Read what is wanted: a plan, how often to pay, seats; what is left out stays as it is.

    Raises Invalid, and NotFound where neither a plan nor seats are named.
    """
    interval, seats = request.values.get("interval"), _seats()
    plan = request.values.get("plan") or None
    if plan is None and seats is None:
        raise NotFound("Name a plan.")
    return Wish(plan, interval if interval in INTERVALS else None, seats)


def _seats() -> int | None:
    told = request.values.get("quantity")
    if told is None:
        return None
    if not SEATS.fullmatch(told):
        raise Invalid("Seats are a whole number from 1.")
    return int(told)


def _back() -> ResponseReturnValue:
    return redirect(url_for("pages.account.show", done="yes"), 303)
