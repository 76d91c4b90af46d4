"""Which plans does plans.toml describe? Read strictly: a slip in it stops here, by name."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from limits import parse

from billing.catalog.terms import FREE, Over, QuotaRule
from billing.models import Metric
from billing.models.catalogue import MAX_QUANTITY

PLANS_FILE = Path(__file__).parents[2] / "plans.toml"
INTERVALS = ("day", "week", "month", "year")
PLAN_KEYS = {
    "display_name",
    "description",
    "rank",
    "on_sale",
    "features",
    "rate_limit_multiplier",
    "rate_limits",
    "quotas",
    "quota_rules",
    "prices",
    "trial_days",
    "max_quantity",
}
RULE_KEYS = {"per_seat", "over", "warn_at"}
PRICE_KEYS = {"interval", "currency", "amount_cents"}
MAX_MULTIPLIER = Decimal("99.99")
MAX_TRIAL_DAYS = 730
MAX_QUOTA = 2**31 - 1
LARGEST_MAX_QUANTITY = 999_999


class BadPlans(Exception):
    """plans.toml cannot be used: the file, the line or key, and what is wrong there."""


@dataclass(frozen=True, slots=True)
class OfferedPrice:
    """One way to pay for a plan; the amount is in the currency's minor unit."""

    interval: str
    currency: str
    amount_cents: int


@dataclass(frozen=True, slots=True)
class OfferedPlan:
    """A plan as plans.toml describes it. A metric without a quota is unlimited."""

    name: str
    display_name: str
    description: str
    rank: int
    on_sale: bool
    features: tuple[str, ...]
    rate_limit_multiplier: Decimal
    rate_limits: Mapping[str, str]
    quotas: Mapping[Metric, int]
    quota_rules: Mapping[Metric, QuotaRule]
    prices: tuple[OfferedPrice, ...]
    trial_days: int = 0
    max_quantity: int = MAX_QUANTITY


def load(path: Path = PLANS_FILE) -> tuple[OfferedPlan, ...]:
    """Read the plans, lowest rank first. Raises BadPlans."""
    try:
        return parse_plans(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, BadPlans) as error:
        raise BadPlans(f"{path.name}: {error}") from error


def parse_plans(text: str) -> tuple[OfferedPlan, ...]:
    """Read the plans of a TOML text. Raises BadPlans, or TOMLDecodeError with the line."""
    document = _Table("", tomllib.loads(text), {"plans"})
    tables = document.table("plans")
    plans = [_plan(name, tables.subtable(name, PLAN_KEYS)) for name in tables.names()]
    ranks = [plan.rank for plan in plans]
    if len(set(ranks)) < len(ranks):
        raise BadPlans("plans: two plans have the same rank, so neither could win")
    plans.sort(key=lambda plan: plan.rank)
    if not plans or plans[0].name != FREE or plans[0].prices:
        raise BadPlans(f"plans.{FREE}: must be there, of the lowest rank and without prices")
    return tuple(plans)


def _plan(name: str, table: "_Table") -> OfferedPlan:
    return OfferedPlan(
        name=name,
        display_name=table.text("display_name"),
        description=table.text("description", default=""),
        rank=table.whole("rank"),
        on_sale=table.flag("on_sale"),
        features=tuple(sorted(table.texts("features"))),
        rate_limit_multiplier=table.multiplier("rate_limit_multiplier"),
        rate_limits=_rates(table.table("rate_limits")),
        quotas=_quotas(table.table("quotas", known=set(Metric))),
        quota_rules=_rules(table.table("quota_rules", known=set(Metric))),
        prices=_prices(table),
        trial_days=_trial_days(table),
        max_quantity=_max_quantity(table),
    )


def _trial_days(table: "_Table") -> int:
    told = "trial_days" in table.names()
    return table.whole("trial_days", most=MAX_TRIAL_DAYS) if told else 0


def _max_quantity(table: "_Table") -> int:
    if "max_quantity" not in table.names():
        return MAX_QUANTITY
    most = table.whole("max_quantity", most=LARGEST_MAX_QUANTITY)
    if most < 1:
        raise table.wrong("max_quantity", f"a whole number from 1 to {LARGEST_MAX_QUANTITY}")
    return most


def _rates(table: "_Table") -> dict[str, str]:
    rates = {scope: table.text(scope) for scope in table.names()}
    for scope, rate in rates.items():
        try:
            parse(rate)
        except ValueError:
            raise table.wrong(scope, 'a rate such as "60/minute"') from None
    return rates


def _quotas(table: "_Table") -> dict[Metric, int]:
    return {Metric(name): table.whole(name, most=MAX_QUOTA) for name in table.names()}


def _rules(table: "_Table") -> dict[Metric, QuotaRule]:
    return {Metric(name): _rule(table.table(name, RULE_KEYS)) for name in table.names()}


def _rule(table: "_Table") -> QuotaRule:
    over = table.text("over") if "over" in table.names() else Over.REFUSE
    if over not in set(Over):
        raise table.wrong("over", f"one of {', '.join(Over)}")
    return QuotaRule(
        per_seat="per_seat" in table.names() and table.flag("per_seat"),
        over=Over(over),
        warn_at=table.share("warn_at") if "warn_at" in table.names() else None,
    )


def _prices(table: "_Table") -> tuple[OfferedPrice, ...]:
    prices = tuple(_price(one) for one in table.tables("prices", PRICE_KEYS))
    ways = [(price.interval, price.currency) for price in prices]
    if len(set(ways)) < len(ways):
        raise table.wrong("prices", "one price for each interval and currency")
    return prices


def _price(table: "_Table") -> OfferedPrice:
    interval, currency = table.text("interval"), table.text("currency")
    if interval not in INTERVALS:
        raise table.wrong("interval", f"one of {', '.join(INTERVALS)}")
    if len(currency) != 3 or not currency.isalpha() or not currency.islower():
        raise table.wrong("currency", 'three small letters, such as "usd"')
    return OfferedPrice(interval, currency, table.whole("amount_cents"))


class _Table:
    """One TOML table and where it stands, so that every complaint can name its key."""

    def __init__(self, path: str, values: Any, known: Iterable[str] | None = None) -> None:
        if not isinstance(values, dict):
            raise BadPlans(f"{path}: must be a table")
        self._path = path
        self._values = values
        for name in values:
            if known is not None and name not in known:
                raise BadPlans(f"{self._at(name)}: unknown; known are {', '.join(sorted(known))}")

    def names(self) -> list[str]:
        return list(self._values)

    def table(self, name: str, known: Iterable[str] | None = None) -> "_Table":
        return _Table(self._at(name), self._values.get(name, {}), known)

    def subtable(self, name: str, known: Iterable[str]) -> "_Table":
        if not name.isidentifier() or not name.islower():
            raise BadPlans(f"{self._at(name)}: a plan's name is small letters, digits and _")
        return self.table(name, known)

    def tables(self, name: str, known: Iterable[str]) -> "list[_Table]":
        values = self._values.get(name, [])
        if not isinstance(values, list):
            raise self.wrong(name, "a list of tables")
        return [_Table(f"{self._at(name)}[{n}]", one, known) for n, one in enumerate(values)]

    def text(self, name: str, default: str | None = None) -> str:
        value = self._values.get(name, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise self.wrong(name, "a text")
        return value

    def texts(self, name: str) -> list[str]:
        values = self._values.get(name, [])
        if not isinstance(values, list) or any(not isinstance(one, str) for one in values):
            raise self.wrong(name, "a list of texts")
        if len(set(values)) < len(values):
            raise self.wrong(name, "a list without repeats")
        return values

    def whole(self, name: str, most: int = 2**31 - 1) -> int:
        value = self._values.get(name)
        if type(value) is not int or not 0 <= value <= most:
            raise self.wrong(name, f"a whole number from 0 to {most}")
        return value

    def flag(self, name: str) -> bool:
        value = self._values.get(name)
        if type(value) is not bool:
            raise self.wrong(name, "true or false")
        return value

    def multiplier(self, name: str) -> Decimal:
        value = self._values.get(name)
        wanted = f"a number above 0, up to {MAX_MULTIPLIER}, with two decimals at most"
        if type(value) not in {int, float}:
            raise self.wrong(name, wanted)
        number = Decimal(str(value))
        if not 0 < number <= MAX_MULTIPLIER or number != round(number, 2):
            raise self.wrong(name, wanted)
        return number

    def share(self, name: str) -> float:
        value = self._values.get(name)
        if type(value) is not float or not 0 < value < 1:
            raise self.wrong(name, "a share between 0.0 and 1.0")
        return value

    def wrong(self, name: str, wanted: str) -> BadPlans:
        found = self._values.get(name, "nothing")
        return BadPlans(f"{self._at(name)}: must be {wanted}, not {found!r}")

    def _at(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name
