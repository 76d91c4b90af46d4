"""The page on which a customer pays, or does not."""

import flask
from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from billing.emulator.account import Account, Resource
from billing.emulator.acting import Announce, acting
from billing.emulator.checkout.completion import complete
from billing.emulator.checkout.sessions import KIND
from billing.emulator.errors import ApiError

CHOICES = {
    "4242424242424242": "Pay",
    "4000000000000341": "Pay, but the next payment fails",
    "4000002500003155": "Pay, but the next payment needs confirmation",
    "4000000000000002": "Decline",
}


def checkout_pages(account: Account, announce: Announce) -> Blueprint:
    """Make the checkout pages of an account."""
    pages = Blueprint("checkout", __name__)

    @pages.get("/checkout/<id>")
    def show(id: str) -> ResponseReturnValue:
        """Show what is sold and the ways to answer."""
        return rendered(account, id)

    @pages.post("/checkout/<id>")
    def pay(id: str) -> ResponseReturnValue:
        """Take the chosen answer and go back to the shop."""
        email = request.form.get("email") or "buyer@example.com"
        try:
            with acting(account, announce):
                session = account.find(KIND, id)
                code = request.form.get("promotion_code", "")
                complete(account, session, request.form.get("card", ""), email, code)
        except ApiError as refusal:
            return rendered(account, id, str(refusal), refusal.status)
        return flask.redirect(landing(session), 303)

    return pages


def rendered(account: Account, id: str, refusal: str = "", status: int = 200) -> tuple[str, int]:
    """Give the page in its present state."""
    session = account.get(KIND, id)
    if session is None:
        return render_template("gone.html", reason="There is no such checkout."), 404
    if session["status"] != "open":
        return render_template("gone.html", reason=f"This checkout is {session['status']}."), 410
    choices = offered(session)
    page = render_template("checkout.html", session=session, choices=choices, refusal=refusal)
    return page, status


def offered(session: Resource) -> dict[str, str]:
    """Give the answers that fit: a trial may start without a card."""
    if session["payment_method_collection"] != "if_required":
        return CHOICES
    return {**CHOICES, "": "Start the trial without a card"}


def landing(session: Resource) -> str:
    """Give the shop's address with the session's id in its place."""
    url: str = session["success_url"]
    return url.replace("{CHECKOUT_SESSION_ID}", session["id"])
