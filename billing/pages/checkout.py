"""How does a visitor buy? Here the order, at Stripe the payment, and here the wait for the plan."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.api.conditional import conditional
from billing.identity.browsers import visitor
from billing.pages import ways
from billing.pages.pricing import chosen_interval, offered
from billing.pages.progress import progress_of
from billing.sales.checkout import AlreadySubscribed, open_checkout

checkout = Blueprint("checkout", __name__)


@checkout.get("/checkout")
def show() -> str:
    """Show what is about to be bought. A product may link here: /checkout?plan=pro."""
    visitor()
    interval = chosen_interval()
    plan, price = offered(request.args.get("plan", ""), interval)
    return render_template("pages/checkout.html", plan=plan, price=price, interval=interval)


@checkout.post("/checkout")
def buy() -> ResponseReturnValue:
    """Go to Stripe to pay; who has a subscription already goes to the own account."""
    buyer = visitor()
    try:
        opened = open_checkout(buyer.user_id, request.form.get("plan", ""), chosen_interval())
    except AlreadySubscribed:
        return redirect(url_for("pages.account.show"), 303)
    return ways.to_stripe(opened.url)


@checkout.get("/checkout/done")
def done() -> ResponseReturnValue:
    """Say how far the purchase is; while it is under way the page keeps asking."""
    buyer, session_id = visitor(), request.args.get("session_id")
    if not session_id:
        return redirect(url_for("pages.account.show"), 303)
    progress = progress_of(buyer.user_id, session_id)
    return render_template("pages/done.html", progress=progress, session_id=session_id)


@checkout.get("/checkout/state")
@conditional
def state() -> dict[str, Any]:
    """Tell the waiting page how far the purchase is."""
    return asdict(progress_of(visitor().user_id, request.args.get("session_id", "")))
