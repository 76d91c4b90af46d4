"""Tax rates, kept and shown; the emulator reckons no tax with them."""

from collections.abc import Sequence

from stripe import params as types

from billing.emulator.account import Account, Resource, token
from billing.emulator.routes import Params, listable, retrievable, route
from billing.emulator.writing import apply, merged

KIND = "tax_rate"
OPTIONAL = ("country", "description", "flat_amount", "jurisdiction", "jurisdiction_level")

retrievable("/v1/tax_rates/<id>", KIND, types.TaxRateRetrieveParams)
listable("/v1/tax_rates", KIND, types.TaxRateListParams)


@route("POST", "/v1/tax_rates", types.TaxRateCreateParams)
def create(account: Account, params: Params) -> Resource:
    """Create a tax rate."""
    rate: Resource = {"id": token("txr_"), "object": KIND, **dict.fromkeys(OPTIONAL)}
    rate |= {"active": True, "created": account.now(), "livemode": False, "metadata": {}}
    rate |= {"effective_percentage": None, "rate_type": "percentage", "state": None}
    rate |= {"tax_type": None, **params, "metadata": merged({}, params.get("metadata", {}))}
    account.emit("tax_rate.created", account.add(rate))
    return rate


@route("POST", "/v1/tax_rates/<id>", types.TaxRateUpdateParams)
def update(account: Account, params: Params, id: str) -> Resource:
    """Change a tax rate's description or switch it off."""
    rate = account.find(KIND, id)
    with account.changing(rate):
        apply(rate, params)
    return rate


def named(account: Account, told: Sequence[str] | str, param: str) -> list[str]:
    """Check that every tax rate is there; an empty text names none."""
    return [str(account.find(KIND, id, param)["id"]) for id in told or []]


def shown(account: Account, ids: Sequence[str]) -> list[Resource]:
    """Show tax rates as subscriptions and their items have them: whole."""
    return [account.view(account.find(KIND, id)) for id in ids]
