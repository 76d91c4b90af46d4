"""Money, days and what a plan gives, as people write them."""

from datetime import UTC, datetime

import pytest

from billing.models import Metric
from billing.pages import words


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (2900, "usd", "$29"),
        (2950, "usd", "$29.50"),
        (2905, "usd", "$29.05"),
        (5, "usd", "$0.05"),
        (0, "usd", "$0"),
        (-2900, "eur", "−€29"),
        (123456789, "gbp", "£1,234,567.89"),
        (500, "jpy", "¥500"),
        (2900, "chf", "29 CHF"),
        (500, "krw", "500 KRW"),
        (29005, "kwd", "29.005 KWD"),
        (500, "ugx", "5 UGX"),
    ],
)
def test_money(amount: int, currency: str, written: str) -> None:
    assert words.money(amount, currency).replace("\N{NO-BREAK SPACE}", " ") == written


def test_days_and_moments() -> None:
    moment = datetime(2026, 5, 3, 4, 5, tzinfo=UTC)

    assert words.day(moment).split() == ["3", "May", "2026"]
    assert words.moment(moment).split() == ["3", "May", "2026,", "04:05", "UTC"]


@pytest.mark.parametrize(
    ("limit", "metric", "written"),
    [
        (1000, Metric.JOBS_CREATED, "1,000 jobs a month"),
        (None, Metric.JOBS_CREATED, "Unlimited jobs"),
        (1000, Metric.API_CALLS, "1,000 API calls a day"),
        (999, Metric.STORAGE_USED_MB, "999 MB of storage"),
        (10_000, Metric.STORAGE_USED_MB, "10 GB of storage"),
        (1_500, Metric.STORAGE_USED_MB, "1.5 GB of storage"),
        (None, Metric.STORAGE_USED_MB, "Unlimited storage"),
        (0, Metric.COMPUTE_MINUTES, "0 compute minutes a month"),
    ],
)
def test_what_a_plan_allows(limit: int | None, metric: Metric, written: str) -> None:
    assert words.quota(limit, metric).replace("\N{NO-BREAK SPACE}", " ") == written


@pytest.mark.parametrize(
    ("feature", "written"), [("audit_log", "Audit log"), ("sso", "SSO"), ("exports", "Exports")]
)
def test_features(feature: str, written: str) -> None:
    assert words.phrase(feature) == written
