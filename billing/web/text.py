"""Text that no database can hold: NUL and half of a surrogate pair, refused for every request."""

from collections.abc import Iterable

from flask import Flask, request

from billing.errors import Invalid


def init_app(app: Flask) -> None:
    """Check every request before anything of it is used. Bodies are checked when they are read."""
    app.before_request(refuse_unstorable_request)


def refuse_unstorable_request() -> None:
    """Check the path, the query and the headers. Raises Invalid."""
    refuse_unstorable(request.path)
    refuse_unstorable(request.args.items(multi=True))
    refuse_unstorable(request.headers)


def refuse_unstorable(value: object) -> None:
    """Check a text, or every text in what was read from JSON. Raises Invalid."""
    remaining = [value]
    while remaining:
        element = remaining.pop()
        if isinstance(element, str):
            if not is_storable(element):
                raise Invalid("Text may not hold NUL or half of a surrogate pair.")
        elif isinstance(element, dict):
            remaining.extend(element)
            remaining.extend(element.values())
        elif isinstance(element, Iterable):
            remaining.extend(element)


def is_storable(text: str) -> bool:
    """Return whether a database can hold the text."""
    if text.isprintable():  # the usual case, and the quickest to tell
        return True
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
