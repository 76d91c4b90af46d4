"""What do I have, why, until when, and how much of it is used?"""

from flask import Blueprint, render_template

from billing.entitlements import get_current_period_usage, standing_of
from billing.identity.browsers import visitor

account = Blueprint("account", __name__)


@account.get("/account")
def show() -> str:
    """Show the plan of the visitor and what was used of it."""
    user_id = visitor().user_id
    return render_template(
        "pages/account.html",
        standing=standing_of(user_id),
        usage=get_current_period_usage(user_id).values(),
    )
