"""Tokens of users who were deleted: they hold for nobody, on every path."""

import pytest
import sqlalchemy as sa

from billing.database import transaction
from billing.models import User
from tests.support.factories import a_plan, a_user, auth
from tests.support.requests import Client


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/auth/me"),
        ("GET", "/v1/subscription/me"),
        ("GET", "/v1/subscription/usage"),
        ("GET", "/v1/subscription/invoices"),
        ("POST", "/v1/subscription/checkout"),
        ("POST", "/v1/subscription/portal"),
        ("POST", "/v1/subscription/links"),
    ],
)
def test_the_token_of_a_deleted_user_is_refused(client: Client, method: str, path: str) -> None:
    a_plan("free")
    headers = auth(a_user().id)
    with transaction() as session:
        session.execute(sa.delete(User))

    answer = client.open(path, method=method, headers=headers)

    assert (answer.status_code, answer.json["code"]) == (401, "token_invalid")


def test_a_deleted_user_sees_what_strangers_may_see(client: Client) -> None:
    a_plan("free")
    headers = auth(a_user().id)
    with transaction() as session:
        session.execute(sa.delete(User))

    assert client.get("/v1/plans", headers=headers).status_code == 200
