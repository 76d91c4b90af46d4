"""The page on which a customer manages what was bought."""

import flask
from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from billing.emulator.account import Account, Resource
from billing.emulator.acting import Announce, acting
from billing.emulator.ending import live
from billing.emulator.errors import ApiError
from billing.emulator.portal.actions import ACTIONS, switchable
from billing.emulator.portal.sessions import CONFIGURATION, SESSION


def portal_pages(account: Account, announce: Announce) -> Blueprint:
    """Make the portal of an account."""
    pages = Blueprint("portal", __name__)

    @pages.get("/portal/<id>")
    def show(id: str) -> ResponseReturnValue:
        """Show subscriptions, invoices and what may be done."""
        return rendered(account, id)

    @pages.post("/portal/<id>/<action>")
    def act(id: str, action: str) -> ResponseReturnValue:
        """Do what a button says, if the configuration allows it, and show the result."""
        try:
            with acting(account, announce):
                session = account.find(SESSION, id)
                perform(account, session, action)
        except ApiError as refusal:
            return rendered(account, id, str(refusal), refusal.status)
        return flask.redirect(f"/portal/{id}", 303)

    return pages


def perform(account: Account, session: Resource, action: str) -> None:
    """Do one action on the customer's own subscription."""
    if action not in ACTIONS:
        raise ApiError(404, "There is no such action.")
    feature, act = ACTIONS[action]
    configuration = account.find(CONFIGURATION, session["configuration"])
    if not configuration["features"][feature]["enabled"]:
        raise ApiError(403, "The portal's configuration does not allow that.")
    subscription = account.find("subscription", request.form.get("subscription", ""))
    if subscription["customer"] != session["customer"]:
        raise ApiError(403, "That is another customer's subscription.")
    act(account, configuration, subscription, request.form)


def rendered(account: Account, id: str, refusal: str = "", status: int = 200) -> tuple[str, int]:
    """Give the page in its present state."""
    session = account.get(SESSION, id)
    if session is None:
        return render_template("gone.html", reason="There is no such portal session."), 404
    mine = session["customer"]
    configuration = account.find(CONFIGURATION, session["configuration"])
    subscriptions = [
        account.view(found)
        for found in account.all("subscription")
        if found["customer"] == mine and live(found)
    ]
    page = render_template(
        "portal.html",
        session=session,
        features=configuration["features"],
        subscriptions=subscriptions,
        prices=[named(account, price) for price in switchable(account, configuration)],
        invoices=[found for found in account.all("invoice") if found["customer"] == mine][::-1],
        refusal=refusal,
    )
    return page, status


def named(account: Account, price: Resource) -> Resource:
    """Give a price with the name of its product."""
    return {**price, "name": account.find("product", price["product"])["name"]}
