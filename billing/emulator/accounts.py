"""The account itself."""

from stripe import params as types

from billing.emulator.account import Account, Resource
from billing.emulator.routes import Params, route


@route("GET", "/v1/account", types.AccountRetrieveCurrentParams)
def retrieve(account: Account, params: Params) -> Resource:
    """Describe the account behind the key."""
    return {
        "id": "acct_emulated",
        "object": "account",
        "business_profile": {"name": "Emulated account", "support_email": None, "url": None},
        "business_type": "company",
        "capabilities": {"card_payments": "active"},
        "charges_enabled": True,
        "country": "US",
        "default_currency": "usd",
        "details_submitted": True,
        "email": "owner@example.com",
        "payouts_enabled": True,
        "type": "standard",
    }
