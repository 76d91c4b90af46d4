"""Entitlements: which features a customer's subscriptions give."""

from stripe import params as types
from stripe.params import entitlements as entitlement_types

from billing.emulator.account import BEFORE_COMMIT, Account, Resource, token
from billing.emulator.errors import invalid
from billing.emulator.listing import listing, page
from billing.emulator.routes import Params, listable, retrievable, route
from billing.emulator.subscriptions.shape import items, price_of
from billing.emulator.writing import apply, merged

FEATURE, ACTIVE = "entitlements.feature", "entitlements.active_entitlement"
# A paused subscription keeps its entitlements, as Stripe's does.
ENTITLING = frozenset({"active", "trialing", "past_due", "paused"})

retrievable("/v1/entitlements/features/<id>", FEATURE, entitlement_types.FeatureRetrieveParams)
listable(
    "/v1/entitlements/features",
    FEATURE,
    entitlement_types.FeatureListParams,
    {"archived": lambda feature, archived: feature["active"] != archived},
)
retrievable(
    "/v1/entitlements/active_entitlements/<id>",
    ACTIVE,
    entitlement_types.ActiveEntitlementRetrieveParams,
)
listable(
    "/v1/entitlements/active_entitlements",
    ACTIVE,
    entitlement_types.ActiveEntitlementListParams,
    {"customer": lambda held, customer: held["_customer"] == customer},
)


@route("POST", "/v1/entitlements/features", entitlement_types.FeatureCreateParams)
def create(account: Account, params: Params) -> Resource:
    """Create a feature with a lookup key of its own."""
    key = params["lookup_key"]
    if any(found["lookup_key"] == key for found in account.all(FEATURE)):
        raise invalid("A feature with this lookup key exists.", "lookup_key")
    head = {"id": token("feat_"), "object": FEATURE, "active": True, "livemode": False}
    metadata = merged({}, params.pop("metadata", {}))
    return account.add({**head, **params, "metadata": metadata})


@route("POST", "/v1/entitlements/features/<id>", entitlement_types.FeatureUpdateParams)
def update(account: Account, params: Params, id: str) -> Resource:
    """Change a feature; an archived one is no longer attached."""
    feature = account.edit(account.find(FEATURE, id))
    apply(feature, params)
    return feature


@route("POST", "/v1/products/<product>/features", types.ProductFeatureCreateParams)
def attach(account: Account, params: Params, product: str) -> Resource:
    """Give a product a feature; who holds the product gets it at the next change or renewal."""
    account.find("product", product)
    feature = account.find(FEATURE, params["entitlement_feature"], "entitlement_feature")
    attached = {"id": token("prodft_"), "object": "product_feature", "livemode": False}
    return account.add(
        {**attached, "entitlement_feature": account.view(feature), "_product": product}
    )


@route("GET", "/v1/products/<product>/features", types.ProductFeatureListParams)
def enumerate_features(account: Account, params: Params, product: str) -> Resource:
    """List the features of a product."""
    attached = [found for found in account.all("product_feature") if found["_product"] == product]
    return page(attached, params, f"/v1/products/{product}/features", {})


@route("GET", "/v1/products/<product>/features/<id>", types.ProductFeatureRetrieveParams)
def retrieve_feature(account: Account, params: Params, product: str, id: str) -> Resource:
    """Give one feature of a product."""
    return account.find("product_feature", id)


@route("DELETE", "/v1/products/<product>/features/<id>", types.ProductFeatureDeleteParams)
def detach(account: Account, params: Params, product: str, id: str) -> Resource:
    """Take a feature from a product."""
    account.remove(account.find("product_feature", id))
    return {"id": id, "object": "product_feature", "deleted": True}


def follow_subscriptions(account: Account, touched: list[Resource]) -> None:
    """Bring the entitlements of every customer up to date whose subscription changed."""
    changed = [found for found in touched if found["object"] == "subscription"]
    for customer in dict.fromkeys(found["customer"] for found in changed):
        entitle(account, customer)


def entitle(account: Account, customer: str) -> None:
    """Give and take entitlements, and tell the whole set when it changed."""
    held = {found["feature"]: found for found in held_by(account, customer)}
    due = features_of(account, customer)
    if held.keys() == due.keys():
        return
    before = summary(account, customer)
    for feature in held.keys() - due.keys():
        account.remove(held[feature])
    for feature in due.keys() - held.keys():
        account.add(entitlement(customer, due[feature]))
    previous = {"entitlements": before["entitlements"]}
    account.emit(
        "entitlements.active_entitlement_summary.updated", summary(account, customer), previous
    )


def held_by(account: Account, customer: str) -> list[Resource]:
    """Give a customer's entitlements."""
    return [found for found in account.all(ACTIVE) if found["_customer"] == customer]


def features_of(account: Account, customer: str) -> dict[str, Resource]:
    """Give the features of every product that the customer subscribes to, by id."""
    products = {
        price_of(account, item)["product"]
        for subscription in account.all("subscription")
        if subscription["customer"] == customer and subscription["status"] in ENTITLING
        for item in items(subscription)
    }
    attached = (found for found in account.all("product_feature") if found["_product"] in products)
    features = (found["entitlement_feature"] for found in attached)
    return {feature["id"]: feature for feature in features}


def entitlement(customer: str, feature: Resource) -> Resource:
    """Make an entitlement of a customer to a feature."""
    return {
        "id": token("ent_"),
        "object": ACTIVE,
        "feature": feature["id"],
        "livemode": False,
        "lookup_key": feature["lookup_key"],
        "_customer": customer,
    }


def summary(account: Account, customer: str) -> Resource:
    """Give the first page of a customer's entitlements in the object that the event carries."""
    every = [account.view(found) for found in held_by(account, customer)]
    url = f"/v1/customer/{customer}/entitlements"
    return {
        "object": "entitlements.active_entitlement_summary",
        "customer": customer,
        "entitlements": listing(every[:10], len(every) > 10, url),
        "livemode": False,
    }


BEFORE_COMMIT.append(follow_subscriptions)
