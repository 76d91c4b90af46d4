"""A browser without a screen: it keeps cookies and fills in forms as they are on the page."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from billing.emulator import Emulator
from billing.settings import settings
from tests.support.live import PASSWORD, pay
from tests.support.requests import Client


@dataclass
class Form:
    """A form of a page: where it leads, and what it would send."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Forms(HTMLParser):
    """The forms of a page, in their order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(held["action"]))
        if tag == "input" and self.found and "name" in held:
            is_unchosen = held.get("type") == "radio" and "checked" not in held
            if not is_unchosen:
                self.found[-1].fields[held["name"]] = held.get("value", "")


@dataclass
class Surfer:
    """Somebody who looks at pages and presses buttons."""

    client: Client
    page: TestResponse | None = None

    @property
    def token(self) -> str:
        """The token of the open page's forms."""
        assert self.page is not None
        return Forms(self.page.text).found[0].fields["form_token"]

    def look(self, path: str, **headers: str) -> TestResponse:
        """Open a page."""
        self.page = self.client.get(path, headers=headers)
        return self.page

    def press(self, action: str, **typed: Any) -> TestResponse:
        """Send the form of the open page that leads there and fits what is typed."""
        assert self.page is not None
        fitting = [
            form
            for form in Forms(self.page.text).found
            if form.action == action
            and all(form.fields.get(name) in {"", value} for name, value in typed.items())
        ]
        assert fitting, f"no form to {action} with {typed} on this page"
        self.page = self.client.post(action, data={**fitting[0].fields, **typed})
        return self.page

    def register(self, email: str = "someone@example.com") -> TestResponse:
        """Make an account and stay signed in."""
        self.look("/register")
        return self.press("/register", email=email, password=PASSWORD)

    def press_sign_out(self) -> TestResponse:
        """End the session by the button in the frame."""
        self.look("/pricing")
        return self.press("/signout")


@pytest.fixture
def surfer(app: Flask, client: Client) -> Surfer:
    """Somebody who has no account yet."""
    return Surfer(client)


def text_of(answer: TestResponse) -> str:
    """The words of a page, without its tags, with plain spaces."""
    plain = re.sub(r"<[^>]+>", " ", answer.text).replace("\N{NO-BREAK SPACE}", " ")
    return re.sub(r"\s+", " ", plain)


def paid(surfer: Surfer, plan: str) -> str:
    """Order a plan and pay; return the path to which Stripe sends the customer back."""
    surfer.look("/pricing")
    back = pay(surfer.press("/checkout", plan=plan).location).headers["Location"]
    return back.removeprefix(settings().app_url)


def buy(surfer: Surfer, emulator: Emulator, plan: str = "pro") -> str:
    """Buy a plan, and wait until we have heard of it."""
    back = paid(surfer, plan)
    assert emulator.wait_idle()
    return back
