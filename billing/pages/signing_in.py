"""How does a person get a session in the browser, and end it?"""

from dataclasses import dataclass
from typing import Self
from uuid import UUID

from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.database import transaction
from billing.errors import BillingError, Conflict, Invalid, Unauthorized
from billing.identity import browsers, devices, passwords, users
from billing.pages import ways

signing_in = Blueprint("signing_in", __name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """What was typed, and the page to go on to."""

    email: str
    password: str
    onward: str | None

    @classmethod
    def read(cls) -> Self:
        """Take it from the form, or from the address of the page."""
        told = request.form or request.args
        return cls(
            email=request.form.get("email", ""),
            password=request.form.get("password", "")[: passwords.MAX_LENGTH + 1],
            onward=ways.own(told.get("next")),
        )


@signing_in.get("/signin")
def show_sign_in() -> ResponseReturnValue:
    """Ask for address and password."""
    return _shown("pages/signin.html")


@signing_in.get("/register")
def show_register() -> ResponseReturnValue:
    """Ask for an address and a new password."""
    return _shown("pages/register.html")


@signing_in.post("/signin")
def sign_in() -> ResponseReturnValue:
    """Begin a session, and go on."""
    entry = Entry.read()
    try:
        user_id = users.authenticate(entry.email, entry.password)
    except Unauthorized as fault:
        return _form("pages/signin.html", entry, fault)
    return _enter(user_id, entry)


@signing_in.post("/register")
def register() -> ResponseReturnValue:
    """Make an account, begin a session, and go on."""
    entry = Entry.read()
    try:
        applicant = users.prepare(entry.email, entry.password)
        with transaction():
            user_id = users.create(applicant)
    except (Invalid, Conflict) as fault:
        return _form("pages/register.html", entry, fault)
    return _enter(user_id, entry)


@signing_in.post("/signout")
def sign_out() -> ResponseReturnValue:
    """End the session."""
    response = make_response(redirect(url_for("pages.signing_in.show_sign_in"), 303))
    browsers.sign_out(response)
    return response


def _shown(template: str) -> ResponseReturnValue:
    """Show the form, or go on at once where somebody is signed in."""
    entry = Entry.read()
    return _form(template, entry) if g.visitor is None else _onward(entry)


def _form(template: str, entry: Entry, fault: BillingError | None = None) -> ResponseReturnValue:
    """Show the form again with what was typed, save the password, and what is wrong with it."""
    faults = {} if fault is None else _by_field(fault)
    page = render_template(template, entry=entry, faults=faults)
    return page, fault.status if fault else 200


def _by_field(fault: BillingError) -> dict[str, list[str]]:
    named: dict[str, list[str]] = fault.facts.get("errors", {})
    reasons: list[str] = fault.facts.get("reasons", [])
    weak = {"password": [fault.detail, *reasons]} if reasons else {}
    return {**named, **weak} or {"form": [fault.detail]}


def _enter(user_id: UUID, entry: Entry) -> ResponseReturnValue:
    response = make_response(_onward(entry))
    browsers.sign_in(response, user_id)
    devices.remember(response, entry.email)
    return response


def _onward(entry: Entry) -> ResponseReturnValue:
    return redirect(entry.onward or url_for("pages.pricing.show"), 303)
