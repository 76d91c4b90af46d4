"""Coupons, and the promotion codes by which customers name them."""

import secrets

from stripe import params as types

from billing.emulator.account import Account, Resource, token
from billing.emulator.errors import invalid, missing_parameter
from billing.emulator.routes import Params, listable, retrievable, route
from billing.emulator.writing import apply, merged

retrievable("/v1/coupons/<id>", "coupon", types.CouponRetrieveParams)
listable("/v1/coupons", "coupon", types.CouponListParams)
retrievable("/v1/promotion_codes/<id>", "promotion_code", types.PromotionCodeRetrieveParams)
listable(
    "/v1/promotion_codes",
    "promotion_code",
    types.PromotionCodeListParams,
    {
        "code": lambda found, code: found["code"].lower() == code.lower(),
        "coupon": lambda found, id: found["promotion"]["coupon"] == id,
    },
)

NO_RESTRICTIONS = {
    "first_time_transaction": False,
    "minimum_amount": None,
    "minimum_amount_currency": None,
}


@route("POST", "/v1/coupons", types.CouponCreateParams)
def create(account: Account, params: Params) -> Resource:
    """Create a coupon of a percentage or an amount."""
    if ("percent_off" in params) == ("amount_off" in params):
        raise invalid("Pass exactly one of percent_off and amount_off.", "percent_off")
    blank = dict.fromkeys(
        ("amount_off", "currency", "duration_in_months", "max_redemptions", "name", "percent_off")
    )
    coupon: Resource = {"id": token("", 8), "object": "coupon", **blank, "redeem_by": None}
    coupon |= {"created": account.now(), "duration": "once", "livemode": False}
    coupon |= {"metadata": {}, "times_redeemed": 0, "valid": True} | params
    coupon["metadata"] = merged({}, coupon["metadata"])
    account.emit("coupon.created", account.add(coupon))
    return coupon


@route("POST", "/v1/coupons/<id>", types.CouponUpdateParams)
def update(account: Account, params: Params, id: str) -> Resource:
    """Change a coupon's name or metadata."""
    coupon = account.find("coupon", id)
    with account.changing(coupon):
        apply(coupon, params)
    return coupon


@route("DELETE", "/v1/coupons/<id>", types.CouponDeleteParams)
def delete(account: Account, params: Params, id: str) -> Resource:
    """Delete a coupon."""
    coupon = account.find("coupon", id)
    account.emit("coupon.deleted", coupon)
    account.remove(coupon)
    return {"id": id, "object": "coupon", "deleted": True}


@route("POST", "/v1/promotion_codes", types.PromotionCodeCreateParams)
def create_code(account: Account, params: Params) -> Resource:
    """Create a code that customers can type."""
    promotion = params.pop("promotion")
    if "coupon" not in promotion:
        raise missing_parameter("promotion[coupon]")
    account.find("coupon", promotion["coupon"], "promotion[coupon]")
    code: Resource = {"id": token("promo_"), "object": "promotion_code", "active": True}
    code |= {"code": secrets.token_hex(4).upper(), "created": account.now(), "customer": None}
    code |= {"customer_account": None, "expires_at": None, "livemode": False}
    code |= {"max_redemptions": None, "metadata": {}, "times_redeemed": 0, **params}
    code["restrictions"] = {**NO_RESTRICTIONS, **params.get("restrictions", {})}
    code["promotion"] = {"coupon": promotion["coupon"], "type": "coupon"}
    account.emit("promotion_code.created", account.add(code))
    return code


@route("POST", "/v1/promotion_codes/<id>", types.PromotionCodeUpdateParams)
def update_code(account: Account, params: Params, id: str) -> Resource:
    """Switch a code off or on, or change its metadata."""
    code = account.find("promotion_code", id)
    with account.changing(code):
        code["restrictions"] = {**code["restrictions"], **params.pop("restrictions", {})}
        apply(code, params)
    return code
