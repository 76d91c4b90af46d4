"""A setting that is missing, weak or contradictory stops the start and names itself."""

import re
from collections.abc import Mapping

import pytest

from config import BadSetting, Config, Issuer, Processing
from tests.support.source import ROOT

GOOD = {
    "STRIPE_SECRET_KEY": "sk_test_4242",
    "STRIPE_WEBHOOK_SECRET": "whsec_0123456789abcdef",
    "JWT_SECRET": "s1Zq9-0cTnW3bXk7vLr5_hGd2yUe8mPa4",
}
GOOD_WEBHOOK = "whsec_0123456789abcdefghijklmnopqrstuvw"
GOOD_KEY = "sk_test_0123456789abcdefghijklmnopqrstuvw"
OUTSIDE = {
    "JWKS_URL": "https://id.example.com/keys",
    "JWT_ISSUER": "https://id.example.com",
    "JWT_AUDIENCE": "billing",
}
NUMBERS = {
    "PAST_DUE_GRACE_DAYS": "-1",
    "TRUSTED_PROXIES": "-1",
    "WEB_CONCURRENCY": "0",
    "TOKEN_SECONDS": "59",
    "REFRESH_TOKEN_SECONDS": "59",
    "SESSION_SECONDS": "59",
    "INLINE_BUDGET_SECONDS": "0.4",
    "REQUEST_BUDGET_SECONDS": "0.4",
    "STRIPE_TIMEOUT_SECONDS": "0",
    "REFRESH_LEASE_SECONDS": "0",
    "REFRESH_DEBOUNCE_SECONDS": "-0.1",
    "SWEEP_INTERVAL_SECONDS": "0",
}

TOO_LONG = {
    "PAST_DUE_GRACE_DAYS": "1000000000",
    "TOKEN_SECONDS": "9" * 30,
    "REFRESH_TOKEN_SECONDS": "9" * 30,
    "SESSION_SECONDS": "9" * 30,
    "LINK_SECONDS": "9" * 30,
    "INLINE_BUDGET_SECONDS": "1e30",
    "REQUEST_BUDGET_SECONDS": "1e30",
    "STRIPE_TIMEOUT_SECONDS": "1e30",
    "REFRESH_LEASE_SECONDS": "1e30",
    "REFRESH_DEBOUNCE_SECONDS": "1e30",
    "SWEEP_INTERVAL_SECONDS": "1e30",
}


def read(**changes: str) -> Config:
    """Read good settings with some changes; an empty text stands for none at all."""
    return Config.from_env({**GOOD, **changes})


def test_three_secrets_are_enough() -> None:
    config = read()

    assert config.uses_sqlite
    assert config.processing is Processing.INLINE
    assert config.stripe_api_base == "https://api.stripe.com"
    assert config.past_due_grace_days == 7


def test_another_issuer_is_trusted_where_all_of_it_is_told() -> None:
    assert read().outside_issuer is None
    assert read(**OUTSIDE).outside_issuer == Issuer(
        "https://id.example.com/keys", "https://id.example.com", "billing", "RS256"
    )


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("value", ["", "   "], ids=["empty", "blank"])
def test_a_missing_secret_names_itself(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=f"^{name} is not set: .+"):
        read(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET", "secret"),
        ("JWT_SECRET", "a" * 40),
        ("JWT_SECRET", "abc" * 20),
        ("STRIPE_SECRET_KEY", "pk_test_4242"),
        ("STRIPE_SECRET_KEY", "sk_test_"),
        ("STRIPE_SECRET_KEY", "changeme"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_short"),
        ("STRIPE_WEBHOOK_SECRET", "0123456789abcdef0123"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_0123456789abcdef,oops"),
        ("STRIPE_WEBHOOK_SECRET", ","),
    ],
)
def test_a_weak_or_wrong_secret_names_itself(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=f"^{name} "):
        read(**{name: value})


@pytest.mark.parametrize("name", GOOD)
def test_a_refused_secret_is_not_shown(name: str) -> None:
    with pytest.raises(BadSetting) as caught:
        read(**{name: "hunter2,"})

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_out_of_range_names_itself(name: str) -> None:
    with pytest.raises(BadSetting, match=f"^{name} must be at least"):
        read(**{name: NUMBERS[name]})


@pytest.mark.parametrize("name", TOO_LONG)
def test_a_duration_that_no_date_can_hold_names_itself(name: str) -> None:
    with pytest.raises(BadSetting, match=f"^{name} must be at most"):
        read(**{name: TOO_LONG[name]})


@pytest.mark.parametrize("name", ["RATE_LIMIT", "POLL_LIMIT", "AUTH_LIMIT"])
def test_a_rate_over_centuries_names_itself(name: str) -> None:
    with pytest.raises(BadSetting, match=f"^{name} must count within a year"):
        read(**{name: "5/9999 year"})


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("REDIS_URL", "redis://me:hunter2@redis:63x79/0"),
        ("REDIS_URL", "http://me:hunter2@redis"),
        ("DATABASE_URL", "postgresql://me:hunter2@db:54x32/billing"),
        ("DATABASE_URL", "mysql://me:hunter2@db/billing"),
        ("APP_URL", "ftp://me:hunter2@app"),
        ("STRIPE_API_BASE", "http://me:hunter2@stripe:99999999"),
    ],
)
def test_a_refused_address_names_its_setting_and_no_password(name: str, address: str) -> None:
    with pytest.raises(BadSetting, match=f"^{name} ") as refused:
        read(**{name: address})

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["seven", "nan", "inf", "1e999"])
def test_what_is_no_number_names_itself(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=f"^{name} must be a number"):
        read(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://localhost/billing"),
        ("DATABASE_URL", "sqlite://"),
        ("STRIPE_API_BASE", "api.stripe.com"),
        ("STRIPE_API_BASE", "ftp://api.stripe.com"),
        ("APP_URL", "billing.example.com"),
        ("ALLOWED_RETURN_ORIGINS", "app.example.com"),
        ("BILLING_PROCESSING", "later"),
        ("LOG_LEVEL", "LOUD"),
        ("KEEP_PAID_THROUGH", "perhaps"),
        ("KEEP_ON_VOID_PAUSE", "perhaps"),
        ("RATE_LIMIT", "often"),
        ("POLL_LIMIT", "often"),
        ("AUTH_LIMIT", "often"),
        ("DEFAULT_CURRENCY", "dollars"),
        ("JWKS_URL", "https://id.example.com/keys"),
        ("JWT_ISSUER", "https://id.example.com"),
        ("JWT_AUDIENCE", "billing"),
        ("JWT_ALGORITHM", "HS256"),
        ("JWT_ALGORITHM", "none"),
    ],
)
def test_a_value_that_cannot_be_read_names_its_setting(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=name):
        read(**{name: value})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (
            {"STRIPE_SECRET_KEY": "sk_live_4242", "STRIPE_API_BASE": "http://127.0.0.1:12111"},
            "STRIPE_API_BASE",
        ),
        (
            {"STRIPE_SECRET_KEY": "rk_live_4242", "STRIPE_API_BASE": "https://stripe.example.com"},
            "STRIPE_API_BASE",
        ),
        ({"STRIPE_SECRET_KEY": "sk_live_4242", "APP_URL": "http://127.0.0.1:5000"}, "APP_URL"),
        ({"JWT_SECRET": GOOD_WEBHOOK, "STRIPE_WEBHOOK_SECRET": GOOD_WEBHOOK}, "JWT_SECRET"),
        ({"JWT_SECRET": GOOD_KEY, "STRIPE_SECRET_KEY": GOOD_KEY}, "JWT_SECRET"),
        ({"APP_URL": "http://billing.example.com"}, "APP_URL"),
        (OUTSIDE | {"JWKS_URL": "http://id.example.com/keys"}, "JWKS_URL.*https"),
        (OUTSIDE | {"JWKS_URL": "id.example.com/keys"}, "JWKS_URL"),
        ({"BILLING_PROCESSING": "worker"}, "BILLING_PROCESSING"),
        ({"WEB_CONCURRENCY": "2"}, "WEB_CONCURRENCY.*PostgreSQL"),
        ({"WEB_CONCURRENCY": "2", "DATABASE_URL": "postgresql://db/billing"}, "REDIS_URL"),
    ],
    ids=[
        "a live key towards an emulator",
        "a live key towards somebody else",
        "a live key without https",
        "one secret for tokens and events",
        "one secret for tokens and Stripe",
        "no https",
        "keys without https",
        "keys at no address",
        "workers over a file",
        "processes over a file",
        "processes that count by themselves",
    ],
)
def test_a_combination_that_cannot_be_right_is_refused(
    changes: Mapping[str, str], named: str
) -> None:
    with pytest.raises(BadSetting, match=named):
        read(**changes)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_way_to_write_a_postgresql_address_names_the_driver(scheme: str) -> None:
    config = read(DATABASE_URL=f"{scheme}://me@db/billing", BILLING_PROCESSING="worker")

    assert config.database_url == "postgresql+psycopg://me@db/billing"


def test_several_webhook_secrets_are_kept_in_order() -> None:
    config = read(STRIPE_WEBHOOK_SECRET="whsec_0123456789abcdef, whsec_fedcba9876543210")

    assert config.stripe_webhook_secrets == ("whsec_0123456789abcdef", "whsec_fedcba9876543210")


def test_the_origin_of_the_product_may_always_be_returned_to() -> None:
    config = read(APP_URL="https://App.example.com/x", ALLOWED_RETURN_ORIGINS="https://b.example")

    assert config.return_origins == {"https://app.example.com", "https://b.example"}


def test_no_secret_is_shown_when_the_settings_are_printed() -> None:
    shown = repr(read(DATABASE_URL="postgresql://me:pass-word@db/billing"))

    assert [secret for secret in (*GOOD.values(), "pass-word") if secret in shown] == []


def test_the_example_lists_every_setting_and_no_other() -> None:
    example = (ROOT / ".env.example").read_text()

    assert set(re.findall(r"^#? ?([A-Z][A-Z_]+)=", example, re.M)) == names_read()


def names_read() -> set[str]:
    """Every name that `config.py` asks the environment for."""
    asked = Asked(GOOD)
    Config.from_env(asked)
    return asked.names


class Asked(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        super().__init__(settings)
        self.names: set[str] = set()

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override] # only this form is used
        self.names.add(name)
        return super().get(name, default)
