"""`flask billing seed-plans` brings plans.toml into the database, and only what differs."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from billing.catalog import plans
from billing.database import reading
from billing.models import SubscriptionPlan


def seed(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["billing", "seed-plans", *arguments])


def stored(name: str) -> SubscriptionPlan:
    with reading() as session:
        return session.scalars(
            sa.select(SubscriptionPlan).where(SubscriptionPlan.name == name)
        ).one()


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    path = tmp_path / "plans.toml"
    text = plans.PLANS_FILE.read_text()
    path.write_text(text.replace("jobs_created = 1_000", "jobs_created = 2_000"))
    return path


def test_seeding_stores_what_the_file_says(app: Flask):
    seed(app)

    pro = stored("pro")
    assert (pro.display_name, pro.price_cents, pro.rank, pro.is_active) == ("Pro", 2900, 10, True)
    assert pro.max_jobs_per_month == 1000
    assert pro.features == {"dashboard": True, "exports": True, "webhooks": True}


def test_an_absent_quota_is_stored_as_unlimited(app: Flask):
    seed(app)

    assert stored("enterprise").max_jobs_per_month is None


def test_seeding_again_changes_nothing(app: Flask):
    seed(app)
    before = stored("pro")

    again = seed(app)

    assert again.output == "3 plans, nothing to change\n"
    assert (stored("pro").id, stored("pro").updated_at) == (before.id, before.updated_at)


def test_an_edited_file_changes_that_field_and_says_so(app: Flask, edited: Path):
    seed(app)
    before = stored("pro")

    changed = seed(app, "--file", str(edited))

    assert changed.output == "pro.max_jobs_per_month: 1000 -> 2000\n"
    assert (stored("pro").id, stored("pro").max_jobs_per_month) == (before.id, 2000)


def test_json_tells_each_difference(app: Flask, edited: Path):
    seed(app)

    changed = seed(app, "--file", str(edited), "--json")

    assert json.loads(changed.output) == {
        "changed": [{"plan": "pro", "field": "max_jobs_per_month", "before": 1000, "after": 2000}]
    }


def test_a_bad_file_stops_with_its_key_and_stores_nothing(app: Flask, tmp_path: Path):
    path = tmp_path / "plans.toml"
    path.write_text(plans.PLANS_FILE.read_text().replace("rank = 20", 'rank = "high"'))

    result = seed(app, "--file", str(path))

    assert result.exit_code == 1
    assert "plans.toml: plans.enterprise.rank: must be a whole number" in result.output
    with reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(SubscriptionPlan)) == 0
