"""plans.toml is read strictly, and every complaint names its key."""

from decimal import Decimal
from pathlib import Path

import pytest

from billing.catalog import plans
from billing.models import Metric

FREE = '[plans.free]\ndisplay_name = "Free"\nrank = 0\non_sale = true\nrate_limit_multiplier = 1\n'


def test_the_projects_own_file_offers_free_pro_and_enterprise():
    names = [plan.name for plan in plans.load()]

    assert names == ["free", "pro", "enterprise"]


def test_each_higher_plan_has_more_of_everything():
    offered = plans.load()

    multipliers = [plan.rate_limit_multiplier for plan in offered]
    jobs = [plan.quotas.get(Metric.JOBS_CREATED, float("inf")) for plan in offered]
    features = [len(plan.features) for plan in offered]

    assert multipliers == sorted(set(multipliers))
    assert jobs == sorted(set(jobs))
    assert features == sorted(set(features))


def test_paid_plans_are_sold_by_the_month_and_by_the_year():
    _, *paid = plans.load()

    assert [[price.interval for price in plan.prices] for plan in paid] == [["month", "year"]] * 2


def test_an_absent_quota_is_unlimited_and_an_absent_feature_list_is_empty():
    (free,) = plans.parse_plans(FREE)

    assert dict(free.quotas) == {}
    assert free.features == ()


def test_a_multiplier_keeps_its_decimals():
    (free,) = plans.parse_plans(FREE.replace("multiplier = 1", "multiplier = 1.25"))

    assert free.rate_limit_multiplier == Decimal("1.25")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "plans.free: must be there"),
        ("plan = 1", "plan: unknown; known are plans"),
        ("plans = 1", "plans: must be a table"),
        ("[plans.Free]", "plans.Free: a plan's name is small letters"),
        (FREE + "quota = 3", "plans.free.quota: unknown; known are description"),
        (FREE.replace("rank = 0", ""), "plans.free.rank: must be a whole number"),
        (FREE.replace("rank = 0", "rank = -1"), "plans.free.rank: must be a whole number"),
        (FREE.replace("= true", '= "yes"'), "plans.free.on_sale: must be true or false, not 'yes'"),
        (FREE.replace('"Free"', '" "'), "plans.free.display_name: must be a text"),
        (FREE.replace("er = 1", "er = 0"), "rate_limit_multiplier: must be a number above 0"),
        (FREE.replace("er = 1", "er = 0.125"), "with two decimals at most, not 0.125"),
        (FREE.replace("er = 1", "er = true"), "rate_limit_multiplier: must be a number above 0"),
        (FREE + 'features = "all"', "plans.free.features: must be a list of texts"),
        (FREE + 'features = ["a", "a"]', "plans.free.features: must be a list without repeats"),
        (FREE + "quotas = { jobs = 1 }", "plans.free.quotas.jobs: unknown; known are api_calls"),
        (FREE + "quotas = { api_calls = -1 }", "plans.free.quotas.api_calls: must be a whole"),
        (FREE + "quotas = { api_calls = true }", "plans.free.quotas.api_calls: must be a whole"),
        (FREE + 'rate_limits = { api = "fast" }', "plans.free.rate_limits.api: must be a rate"),
        (FREE + "prices = [{}]", "plans.free.prices[0].interval: must be a text, not 'nothing'"),
        (
            FREE + 'prices = [{ interval = "decade", currency = "usd", amount_cents = 1 }]',
            "plans.free.prices[0].interval: must be one of day, week, month, year",
        ),
        (
            FREE + 'prices = [{ interval = "month", currency = "US$", amount_cents = 1 }]',
            "plans.free.prices[0].currency: must be three small letters",
        ),
        (
            FREE + 'prices = [{ interval = "month", currency = "usd", amount_cents = 9.99 }]',
            "plans.free.prices[0].amount_cents: must be a whole number",
        ),
        (
            FREE + 'prices = [{ interval = "month", currency = "usd", amount_cents = 1 }]',
            "plans.free: must be there, of the lowest rank and without prices",
        ),
        (FREE + FREE.replace("free", "pro"), "plans: two plans have the same rank"),
    ],
    ids=lambda value: value[-40:],
)
def test_a_slip_is_named_by_its_key(text: str, said: str):
    with pytest.raises(plans.BadPlans) as caught:
        plans.parse_plans(text)

    assert said in str(caught.value)


def test_two_prices_for_one_interval_and_currency_are_refused():
    price = '{ interval = "month", currency = "usd", amount_cents = 1 }'
    pro = FREE.replace("free", "pro").replace("rank = 0", "rank = 1")

    with pytest.raises(plans.BadPlans, match=r"plans\.pro\.prices: must be one price for each"):
        plans.parse_plans(FREE + pro + f"prices = [{price}, {price}]")


def test_broken_toml_is_named_by_file_and_line(tmp_path: Path):
    path = tmp_path / "plans.toml"
    path.write_text(FREE + "rank =\n")

    with pytest.raises(plans.BadPlans, match=r"plans\.toml: .*line 6"):
        plans.load(path)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(plans.BadPlans, match=r"none\.toml: "):
        plans.load(tmp_path / "none.toml")
