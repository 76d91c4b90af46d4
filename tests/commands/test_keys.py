"""`flask billing keys` makes, lists and revokes; the key itself is shown once."""

import json

from click.testing import Result
from flask import Flask

from billing.database import db
from billing.models import ServiceKey


def keys(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["billing", "keys", *words])


def made(app: Flask) -> dict[str, str]:
    words = ("create", "jobs backend", "--scope", "usage", "--scope", "access", "--json")
    return json.loads(keys(app, *words).output)


def test_a_key_is_shown_once_and_never_kept(app: Flask):
    key = made(app)["key"]

    listed = keys(app, "list", "--json").output

    assert key not in listed
    kept = db.session.query(ServiceKey).one()
    assert key not in (kept.key_hash, kept.shown)
    assert key.startswith(kept.shown)


def test_a_list_tells_name_and_scopes(app: Flask):
    made(app)

    (listed,) = json.loads(keys(app, "list", "--json").output)

    assert (listed["name"], listed["scopes"]) == ("jobs backend", ["access", "usage"])
    assert listed["revoked_at"] is None
    assert "jobs backend" in keys(app, "list").output


def test_revoking_ends_a_key_and_may_be_repeated(app: Flask):
    key_id = made(app)["id"]

    codes = [keys(app, "revoke", key_id).exit_code for _ in range(2)]

    (listed,) = json.loads(keys(app, "list", "--json").output)
    assert codes == [0, 0]
    assert listed["revoked_at"] is not None


def test_an_unknown_key_cannot_be_revoked(app: Flask):
    result = keys(app, "revoke", "00000000-0000-0000-0000-000000000000")

    assert (result.exit_code, "There is no such key." in result.output) == (1, True)


def test_a_key_needs_a_scope(app: Flask):
    assert keys(app, "create", "jobs backend").exit_code == 2
