"""How is the service set? Everything the environment may say, checked before anything starts."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import environment
from environment import BadSetting, N, origin_of

__all__ = [
    "BadSetting",
    "BillingMode",
    "Config",
    "Downgrade",
    "Issuer",
    "OnDouble",
    "Processing",
    "TrialWithoutCard",
    "origin_of",
]

ROOT = Path(__file__).parent
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
STRIPE_API = "https://api.stripe.com"
DAY = 86_400
CENTURY = 36_500 * DAY
"""No duration is longer: a moment that far ahead is still a date."""


class Processing(StrEnum):
    """Where events are turned into state: in the webhook request, or in workers."""

    INLINE = "inline"
    WORKER = "worker"


class Downgrade(StrEnum):
    """When a customer who wants less gets less."""

    PERIOD_END = "period_end"
    NOW = "now"


class BillingMode(StrEnum):
    """How Stripe bills the subscriptions that we sell."""

    FLEXIBLE = "flexible"
    CLASSIC = "classic"


class TrialWithoutCard(StrEnum):
    """What becomes of a trial that ends without a card."""

    CANCEL = "cancel"
    PAUSE = "pause"
    CREATE_INVOICE = "create_invoice"


class OnDouble(StrEnum):
    """What is done about a second live subscription of one customer."""

    REPORT = "report"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Issuer:
    """Another issuer whose access tokens are taken: where its keys are, what its tokens say."""

    jwks_url: str
    name: str
    audience: str
    algorithm: str


@dataclass(frozen=True, slots=True)
class Config:
    """The checked settings of one process. Durations are in seconds."""

    database_url: str = field(repr=False)
    stripe_secret_key: str = field(repr=False)
    stripe_webhook_secrets: tuple[str, ...] = field(repr=False)
    jwt_secret: str = field(repr=False)
    redis_url: str | None = field(default=None, repr=False)
    stripe_api_base: str = STRIPE_API
    app_url: str = "http://127.0.0.1:5000"
    allowed_return_origins: tuple[str, ...] = ()
    past_due_grace_days: int = 7
    keep_paid_through: bool = False
    keep_on_void_pause: bool = False
    suspend_on_dispute: bool = False
    processing: Processing = Processing.INLINE
    trusted_proxies: int = 0
    processes: int = 1
    log_level: str = "INFO"
    token_seconds: int = 900
    refresh_token_seconds: int = 2_592_000
    session_seconds: int = 7_776_000
    outside_issuer: Issuer | None = None
    inline_budget: float = 8.0
    request_budget: float = 10.0
    stripe_timeout: float = 6.0
    refresh_lease: float = 60.0
    refresh_debounce: float = 0.0
    sweep_interval: float = 5.0
    rate_limit: str = "120/minute"
    poll_limit: str = "600/minute"
    auth_limit: str = "10/minute"
    default_currency: str = "usd"
    downgrade: Downgrade = Downgrade.PERIOD_END
    portal_pause: bool = False
    billing_mode: BillingMode = BillingMode.FLEXIBLE
    trial_without_card: TrialWithoutCard = TrialWithoutCard.CANCEL
    promotion_codes: bool = False
    automatic_tax: bool = False
    tax_ids: bool = False
    on_double: OnDouble = OnDouble.REPORT
    link_seconds: int = 604_800

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Self:
        """Read and check the environment. Raises BadSetting naming what to mend."""
        app_url = environment.url(env, "APP_URL", "http://127.0.0.1:5000")
        config = cls(
            database_url=_database_url(env.get("DATABASE_URL", "")),
            redis_url=environment.redis_url(env, "REDIS_URL"),
            stripe_secret_key=_stripe_key(env),
            stripe_webhook_secrets=_webhook_secrets(env),
            stripe_api_base=environment.url(env, "STRIPE_API_BASE", STRIPE_API),
            jwt_secret=environment.secret(env, "JWT_SECRET"),
            app_url=app_url,
            allowed_return_origins=_origins(env),
            past_due_grace_days=environment.number(
                env, "PAST_DUE_GRACE_DAYS", 7, int, most=CENTURY // DAY
            ),
            keep_paid_through=environment.flag(env, "KEEP_PAID_THROUGH"),
            keep_on_void_pause=environment.flag(env, "KEEP_ON_VOID_PAUSE"),
            suspend_on_dispute=environment.choice(env, "ON_DISPUTE", "flag", "suspend")
            == "suspend",
            processing=environment.word(env, "BILLING_PROCESSING", Processing.INLINE),
            trusted_proxies=environment.number(env, "TRUSTED_PROXIES", 0, int),
            processes=environment.number(env, "WEB_CONCURRENCY", 1, int, least=1),
            log_level=_log_level(env),
            token_seconds=_seconds(env, "TOKEN_SECONDS", 900, least=60),
            refresh_token_seconds=_seconds(env, "REFRESH_TOKEN_SECONDS", 2_592_000, least=60),
            session_seconds=_seconds(env, "SESSION_SECONDS", 7_776_000, least=60),
            outside_issuer=_outside_issuer(env),
            inline_budget=_seconds(env, "INLINE_BUDGET_SECONDS", 8.0, least=0.5),
            request_budget=_seconds(env, "REQUEST_BUDGET_SECONDS", 10.0, least=0.5),
            stripe_timeout=_seconds(env, "STRIPE_TIMEOUT_SECONDS", 6.0, least=0.1),
            refresh_lease=_seconds(env, "REFRESH_LEASE_SECONDS", 60.0, least=0.1),
            refresh_debounce=_seconds(env, "REFRESH_DEBOUNCE_SECONDS", 0.0),
            sweep_interval=_seconds(env, "SWEEP_INTERVAL_SECONDS", 5.0, least=0.1),
            rate_limit=environment.rate(env, "RATE_LIMIT", "120/minute"),
            poll_limit=environment.rate(env, "POLL_LIMIT", "600/minute"),
            auth_limit=environment.rate(env, "AUTH_LIMIT", "10/minute"),
            default_currency=_currency(env),
            billing_mode=environment.word(env, "BILLING_MODE", BillingMode.FLEXIBLE),
            trial_without_card=environment.word(env, "TRIAL_WITHOUT_CARD", TrialWithoutCard.CANCEL),
            promotion_codes=environment.flag(env, "PROMOTION_CODES"),
            automatic_tax=environment.flag(env, "AUTOMATIC_TAX"),
            tax_ids=environment.flag(env, "TAX_IDS"),
            on_double=environment.word(env, "ON_DOUBLE", OnDouble.REPORT),
            link_seconds=_seconds(env, "LINK_SECONDS", 604_800, least=60),
            portal_pause=environment.flag(env, "PORTAL_PAUSE"),
            downgrade=environment.word(env, "DOWNGRADE", Downgrade.PERIOD_END),
        )
        config.check()
        return config

    @property
    def livemode(self) -> bool:
        """Tell whether the key is one of Stripe's live mode."""
        return "_live_" in self.stripe_secret_key

    @property
    def return_origins(self) -> frozenset[str]:
        """Where a customer may be sent back to: our own pages, and what the operator allows."""
        return frozenset({origin_of(self.app_url), *self.allowed_return_origins})

    @property
    def uses_sqlite(self) -> bool:
        """Tell whether the database is a file of one process."""
        return self.database_url.startswith("sqlite")

    def check(self) -> None:
        """Refuse combinations that cannot be right. Raises BadSetting."""
        address = urlsplit(self.app_url)
        if self.livemode and self.stripe_api_base != STRIPE_API:
            raise BadSetting(
                f"STRIPE_SECRET_KEY is a live key: STRIPE_API_BASE must be {STRIPE_API}"
            )
        if self.livemode and address.scheme != "https":
            raise BadSetting("APP_URL must begin with https:// with a live STRIPE_SECRET_KEY")
        if self.jwt_secret in {self.stripe_secret_key, *self.stripe_webhook_secrets}:
            raise BadSetting("JWT_SECRET must differ from every other secret")
        if address.scheme != "https" and address.hostname not in LOOPBACK:
            raise BadSetting("APP_URL must begin with https:// outside this machine")
        if self.processing is Processing.WORKER and self.uses_sqlite:
            raise BadSetting("BILLING_PROCESSING=worker needs PostgreSQL in DATABASE_URL")
        if self.processes > 1 and self.uses_sqlite:
            raise BadSetting("WEB_CONCURRENCY over 1 needs PostgreSQL in DATABASE_URL")
        if self.processes > 1 and not self.redis_url:
            raise BadSetting("WEB_CONCURRENCY over 1 needs REDIS_URL: limits must be counted once")


def _seconds(env: Mapping[str, str], name: str, default: N, least: float = 0) -> N:
    """Read a duration: of a century at most in whole seconds, of a day at most in parts of one."""
    most = CENTURY if isinstance(default, int) else DAY
    return environment.number(env, name, default, type(default), least=least, most=most)


def _stripe_key(env: Mapping[str, str]) -> str:
    how = "take a secret or restricted key from the Stripe Dashboard, Developers > API keys"
    value = environment.required(env, "STRIPE_SECRET_KEY", how)
    if not re.fullmatch(r"(sk|rk)_(test|live)_\w+", value):
        raise BadSetting(f"STRIPE_SECRET_KEY must begin with sk_test_, sk_live_ or rk_: {how}.")
    return value


def _webhook_secrets(env: Mapping[str, str]) -> tuple[str, ...]:
    how = "take it from the webhook endpoint at Stripe (whsec_...); several are comma separated"
    text = environment.required(env, "STRIPE_WEBHOOK_SECRET", how)
    secrets = tuple(part.strip() for part in text.split(",") if part.strip())
    if not secrets or any(not re.fullmatch(r"whsec_\S{16,}", secret) for secret in secrets):
        raise BadSetting(f"STRIPE_WEBHOOK_SECRET must hold whsec_... secrets: {how}.")
    return secrets


def _database_url(text: str) -> str:
    if not text:
        return f"sqlite:///{ROOT / 'instance' / 'billing.db'}"
    for short in ("postgres://", "postgresql://"):
        if text.startswith(short):
            text = "postgresql+psycopg://" + text.removeprefix(short)
    if not text.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise BadSetting("DATABASE_URL must begin with postgresql:// or sqlite:///")
    return environment.readable_url("DATABASE_URL", text)


def _outside_issuer(env: Mapping[str, str]) -> Issuer | None:
    names = ("JWKS_URL", "JWT_ISSUER", "JWT_AUDIENCE")
    url, name, audience = (env.get(each, "").strip() for each in names)
    algorithm = env.get("JWT_ALGORITHM", "").strip() or "RS256"
    if algorithm not in {"RS256", "ES256"}:
        raise BadSetting(f"JWT_ALGORITHM must be RS256 or ES256, not {algorithm!r}")
    if not (url or name or audience):
        return None
    if not (url and name and audience):
        raise BadSetting(f"{', '.join(names)} belong together: set all of them, or none")
    if urlsplit(url).scheme != "https" and urlsplit(url).hostname not in LOOPBACK:
        raise BadSetting("JWKS_URL must begin with https:// outside this machine")
    return Issuer(environment.http_url("JWKS_URL", url), name, audience, algorithm)


def _origins(env: Mapping[str, str]) -> tuple[str, ...]:
    named = [part.strip() for part in env.get("ALLOWED_RETURN_ORIGINS", "").split(",")]
    checked = [environment.http_url("ALLOWED_RETURN_ORIGINS", url) for url in named if url]
    return tuple(dict.fromkeys(origin_of(url) for url in checked))


def _currency(env: Mapping[str, str]) -> str:
    text = env.get("DEFAULT_CURRENCY", "").strip().lower() or "usd"
    if not re.fullmatch(r"[a-z]{3}", text):
        raise BadSetting(f"DEFAULT_CURRENCY must be a code of three letters, not {text!r}")
    return text


def _log_level(env: Mapping[str, str]) -> str:
    text = env.get("LOG_LEVEL", "INFO").strip().upper()
    if text not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise BadSetting(f"LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR, not {text!r}")
    return text
