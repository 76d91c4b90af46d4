"""Portal configurations and sessions over the API."""

import copy

from stripe.params import billing_portal as types

from billing.emulator.account import Account, Resource, token
from billing.emulator.errors import invalid, missing_parameter
from billing.emulator.routes import Params, listable, retrievable, route
from billing.emulator.writing import apply, merged

CONFIGURATION, SESSION = "billing_portal.configuration", "billing_portal.session"

retrievable(
    "/v1/billing_portal/configurations/<id>", CONFIGURATION, types.ConfigurationRetrieveParams
)
listable("/v1/billing_portal/configurations", CONFIGURATION, types.ConfigurationListParams)

FEATURES: Resource = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "feedback_options": None, "options": []},
        "enabled": False,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {
        "duration": {"interval_options": [], "type": "indefinite"},
        "enabled": False,
    },
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "products": [],
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}
EVERYTHING: Resource = {
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True},
}


@route("POST", "/v1/billing_portal/configurations", types.ConfigurationCreateParams)
def create_configuration(account: Account, params: Params) -> Resource:
    """Say what customers may do in the portal."""
    return new_configuration(account, params, is_default=False)


def new_configuration(account: Account, params: Params, is_default: bool) -> Resource:
    """Store a configuration."""
    now = account.now()
    profile = {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None}
    configuration = account.add(
        {
            "id": token("bpc_"),
            "object": CONFIGURATION,
            "active": True,
            "application": None,
            "business_profile": profile | (params.get("business_profile") or {}),
            "created": now,
            "default_return_url": params.get("default_return_url"),
            "features": merged_features(FEATURES, params.get("features", {})),
            "is_default": is_default,
            "livemode": False,
            "login_page": {"enabled": False, "url": None},
            "metadata": merged({}, params.get("metadata", {})),
            "name": params.get("name"),
            "updated": now,
        }
    )
    account.emit(f"{CONFIGURATION}.created", configuration)
    return configuration


def merged_features(before: Resource, told: Resource) -> Resource:
    """Change features in depth; lists are replaced whole."""
    after = copy.deepcopy(before)
    for name, value in told.items():
        nested = isinstance(value, dict) and isinstance(after.get(name), dict)
        after[name] = merged_features(after[name], value) if nested else value or None
        if value is False or (value == "" and isinstance(before.get(name), list)):
            after[name] = [] if value == "" else False
    return after


@route("POST", "/v1/billing_portal/configurations/<id>", types.ConfigurationUpdateParams)
def update_configuration(account: Account, params: Params, id: str) -> Resource:
    """Change what customers may do."""
    configuration = account.find(CONFIGURATION, id)
    with account.changing(configuration):
        told = params.pop("features", {})
        configuration["features"] = merged_features(configuration["features"], told)
        configuration["business_profile"].update(params.pop("business_profile", None) or {})
        params.pop("login_page", None)
        apply(configuration, params)
        configuration["updated"] = account.now()
    return configuration


@route("POST", "/v1/billing_portal/sessions", types.SessionCreateParams)
def create(account: Account, params: Params) -> Resource:
    """Open the portal for one customer."""
    if "customer" not in params:
        raise missing_parameter("customer")
    if account.find("customer", params["customer"], "customer").get("deleted"):
        raise invalid("This customer has been deleted.", "customer", "resource_missing")
    id = token("bps_")
    session = account.add(
        {
            "id": id,
            "object": SESSION,
            "configuration": configuration_of(account, params)["id"],
            "created": account.now(),
            "customer": params["customer"],
            "customer_account": None,
            "flow": flow_of(params.get("flow_data")),
            "livemode": False,
            "locale": params.get("locale"),
            "on_behalf_of": None,
            "return_url": params.get("return_url"),
            "url": f"{account.url}/portal/{id}",
        }
    )
    account.emit(f"{SESSION}.created", session)
    return session


def configuration_of(account: Account, params: Params) -> Resource:
    """Give the configuration that is named, else the default one."""
    if "configuration" in params:
        return account.find(CONFIGURATION, params["configuration"], "configuration")
    known = (found for found in account.all(CONFIGURATION) if found["is_default"])
    return next(known, None) or new_configuration(account, {"features": EVERYTHING}, True)


def flow_of(told: Params | None) -> Resource | None:
    """Complete the flow that a session is opened for."""
    if told is None:
        return None
    blank = dict.fromkeys(
        ("customer_update", "subscription_cancel", "subscription_pause", "subscription_update")
    )
    ends = {"hosted_confirmation": None, "redirect": None, "type": "portal_homepage"}
    flow = {**blank, "subscription_update_confirm": None, **told}
    if flow["subscription_cancel"]:
        flow["subscription_cancel"] = {"retention": None, **flow["subscription_cancel"]}
    return {**flow, "after_completion": ends | told.get("after_completion", {})}
