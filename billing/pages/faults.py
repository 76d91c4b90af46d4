"""What does a person see when something went wrong? A page in plain words, and the way on."""

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.errors import fact_of
from billing.identity.browsers import NotSignedIn
from billing.pages.ways import here

TITLES = {
    402: "One more step",
    403: "That did not work",
    404: "There is nothing here",
    409: "Not as things stand",
    410: "This link is no longer good",
    422: "That is not to be had",
    429: "A little slower, please",
    503: "We will be right back",
}
OTHER_TITLE = "Something went wrong"


def show(error: Exception) -> ResponseReturnValue:
    """Render any error as a page; who must sign in first is sent there and comes back."""
    if isinstance(error, NotSignedIn):
        back = here() if request.method == "GET" else None
        return redirect(url_for("pages.signing_in.show_sign_in", next=back), 303)
    fact = fact_of(error)
    title = TITLES.get(fact.status, OTHER_TITLE)
    page = render_template("pages/fault.html", fact=fact, title=title)
    response = make_response(page, fact.status)
    if fact.retry_after is not None:
        response.headers["Retry-After"] = str(fact.retry_after)
    return response
