"""Products: what is sold."""

from stripe import params as types

from billing.emulator.account import Account, Resource
from billing.emulator.errors import invalid
from billing.emulator.prices import create_price, create_product
from billing.emulator.routes import Params, listable, retrievable, route
from billing.emulator.writing import apply

retrievable("/v1/products/<id>", "product", types.ProductRetrieveParams)
listable(
    "/v1/products",
    "product",
    types.ProductListParams,
    {"ids": lambda product, ids: product["id"] in ids},
)


@route("POST", "/v1/products", types.ProductCreateParams)
def create(account: Account, params: Params) -> Resource:
    """Create a product, with its first price when asked to."""
    price = params.pop("default_price_data", None)
    product = create_product(account, params)
    if price:
        made = create_price(account, {**price, "product": product["id"]})
        with account.changing(product):
            product["default_price"] = made["id"]
    return product


@route("POST", "/v1/products/<id>", types.ProductUpdateParams)
def update(account: Account, params: Params, id: str) -> Resource:
    """Change a product."""
    product = account.find("product", id)
    with account.changing(product):
        apply(product, params)
        product["updated"] = account.now()
    return product


@route("DELETE", "/v1/products/<id>", types.ProductDeleteParams)
def delete(account: Account, params: Params, id: str) -> Resource:
    """Delete a product that has no price."""
    product = account.find("product", id)
    if any(price["product"] == id for price in account.all("price")):
        raise invalid("This product cannot be deleted because it has one or more prices.")
    account.emit("product.deleted", product)
    account.remove(product)
    return {"id": id, "object": "product", "deleted": True}
