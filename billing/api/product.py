"""What does a product's backend ask? Users, access and usage, with a service key."""

from collections.abc import Callable
from dataclasses import asdict, fields
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from apiflask import APIBlueprint
from marshmallow import ValidationError

from billing import entitlements
from billing.api.conditional import conditional
from billing.api.product_schemas import (
    AccessResponse,
    AmountRequest,
    CheckResponse,
    CommitRequest,
    CountRequest,
    CountResponse,
    EndRequest,
    RecordedAmount,
    RecordRequest,
    RecordResponse,
    ReservationResponse,
    ReserveRequest,
    UserRequest,
    UserResponse,
)
from billing.api.subscriptions import shown
from billing.errors import BillingError, Invalid
from billing.identity import provisioning, service
from billing.identity.references import user_referred
from billing.identity.service_keys import Scope
from billing.models import Metric

product = APIBlueprint("product", __name__, url_prefix="/v1", tag="Product")

P = ParamSpec("P")
R = TypeVar("R")


def scoped(scope: Scope) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Run the view only for a service key with the scope."""

    def guard(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            service(scope)
            return view(*args, **kwargs)

        return guarded

    return guard


@product.put("/users/<user>")
@scoped(Scope.USERS)
@product.input(UserRequest)
@product.output(UserResponse)
def provision_user(user: str, json_data: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Make sure that a user is here; 201 where this made it."""
    provisioned = provisioning.provision(user, json_data["email"])
    return asdict(provisioned), 201 if provisioned.is_new else 200


@product.get("/access/<user>")
@scoped(Scope.ACCESS)
@conditional
@product.output(AccessResponse)
def show_access(user: str) -> dict[str, Any]:
    """Show a user's plan, features and limits, and why; 304 if nothing changed."""
    standing = entitlements.standing_of(user_referred(user))
    return {**shown(standing), "user_id": standing.user_id}


@product.post("/usage/check")
@scoped(Scope.USAGE)
@product.input(AmountRequest)
@product.output(CheckResponse)
def check_usage(json_data: dict[str, Any]) -> dict[str, Any]:
    """Tell whether an amount would be admitted now; nothing is counted or held."""
    asked = understood(json_data)
    usage = entitlements.get_current_period_usage(asked["user_id"])[asked["metric"]]
    return {"allowed": usage.has_room_for(asked["amount"]), "usage": usage}


@product.post("/usage/consume")
@scoped(Scope.USAGE)
@product.input(CountRequest)
@product.output(CountResponse)
def consume_usage(json_data: dict[str, Any]) -> dict[str, Any]:
    """Count an amount, or refuse it with 429 `quota_exceeded`."""
    count = entitlements.count_usage(**understood(json_data))
    return {"counted": count.is_new, "usage": count.usage}


@product.post("/usage/reserve")
@scoped(Scope.USAGE)
@product.input(ReserveRequest)
@product.output(ReservationResponse, status_code=201)
def reserve_usage(json_data: dict[str, Any]) -> dict[str, Any]:
    """Hold an amount for work that may fail."""
    return told(entitlements.reserve_usage(**understood(json_data)))


@product.post("/usage/commit")
@scoped(Scope.USAGE)
@product.input(CommitRequest)
@product.output(ReservationResponse)
def commit_usage(json_data: dict[str, Any]) -> dict[str, Any]:
    """Keep what was held: the work is done."""
    user_id = user_referred(json_data["user"])
    return told(entitlements.commit_usage(user_id, json_data["reservation"], json_data["amount"]))


@product.post("/usage/release")
@scoped(Scope.USAGE)
@product.input(EndRequest)
@product.output(ReservationResponse)
def release_usage(json_data: dict[str, Any]) -> dict[str, Any]:
    """Give back what was held: the work was not done."""
    user_id = user_referred(json_data["user"])
    return told(entitlements.release_usage(user_id, json_data["reservation"]))


@product.post("/usage/record")
@scoped(Scope.USAGE)
@product.input(RecordRequest)
@product.output(RecordResponse)
def record_usage(json_data: dict[str, Any]) -> dict[str, Any]:
    """Count many amounts, each by itself; a bad one does not keep the others out."""
    return {"results": [recorded(record) for record in json_data["records"]]}


def recorded(record: dict[str, Any]) -> dict[str, Any]:
    """Count one record, and tell what became of it."""
    try:
        count = entitlements.count_usage(**understood(RecordedAmount().load(record)))
    except ValidationError as error:
        return {"status": 422, "code": Invalid.code, "counted": False, "errors": error.messages}
    except BillingError as error:
        return {"status": error.status, "code": error.code, "counted": False}
    code = "counted" if count.is_new else "repeated"
    return {"status": 200, "code": code, "counted": count.is_new}


def told(reservation: entitlements.Reservation) -> dict[str, Any]:
    """Lay a reservation out as its schema wants it."""
    return {field.name: getattr(reservation, field.name) for field in fields(reservation)}


def understood(asked: dict[str, Any]) -> dict[str, Any]:
    """Find the user and the metric that a request names. Raises NotFound."""
    named = dict(asked)
    user_id, metric = user_referred(named.pop("user")), Metric(named.pop("metric"))
    return {"user_id": user_id, "metric": metric, **named}
