"""Reading of request bodies that may be cut off or framed wrongly."""

from collections.abc import Callable

from werkzeug.exceptions import HTTPException

from billing.errors import Malformed


def reading_body(read: Callable[[], bytes]) -> bytes:
    """Return the body. Raises Malformed where its chunks make no sense, and werkzeug's own errors.

    Each server has an error of its own for that: OSError in werkzeug, ParseException in gunicorn.
    """
    try:
        return read()
    except HTTPException:
        raise
    except Exception as error:
        raise Malformed("The body could not be read.") from error
