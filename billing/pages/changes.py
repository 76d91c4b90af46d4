"""How does a visitor change or end the own subscription? First what it means, then the button."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.catalog import listing
from billing.entitlements import standing_of
from billing.identity.browsers import visitor
from billing.pages.pricing import INTERVALS
from billing.sales import changes as sales
from billing.sales import endings, previews
from billing.sales.targets import Wish

changes = Blueprint("changes", __name__, url_prefix="/account")


@changes.get("/change")
def show_change() -> str:
    """Show what a change would cost, and when."""
    wish = wished()
    preview = previews.preview(visitor().user_id, wish)
    plan = listing.find(wish.plan_name or "").terms
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
    """Read which plan is wanted, and how often to pay; what is left out stays as it is."""
    interval = request.values.get("interval")
    return Wish(request.values.get("plan", ""), interval if interval in INTERVALS else None)


def _back() -> ResponseReturnValue:
    return redirect(url_for("pages.account.show", done="yes"), 303)
