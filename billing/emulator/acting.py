"""How does a person on a page change the account? As Stripe itself: with no API request."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import flask

from billing.emulator.account import Account
from billing.emulator.transaction import Transaction

Announce = Callable[[Transaction], None]


@contextmanager
def acting(account: Account, announce: Announce) -> Iterator[None]:
    """Change the account for a page; the events leave after the page was sent."""
    with account.atomic() as transaction:
        yield

    @flask.after_this_request
    def later(response: flask.Response) -> flask.Response:
        response.call_on_close(lambda: announce(transaction))
        return response
