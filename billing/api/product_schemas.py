"""What do a product's backends send, and what do they get?"""

from apiflask import Schema
from apiflask.fields import UUID, Boolean, DateTime, Dict, Email, Integer, List, Nested, String
from apiflask.validators import Length, OneOf, Range

from billing.api.schemas import MetricUsage, SubscriptionResponse
from billing.entitlements.counting import MAX_KEY
from billing.entitlements.quotas import MAX_AMOUNT
from billing.entitlements.reservations import MAX_SECONDS, SECONDS
from billing.models import Metric, ReservationState

MAX_RECORDS = 1000


def amount_field() -> Integer:
    """Describe an amount: a whole number, 1 where it is left out."""
    return Integer(load_default=1, strict=True, validate=Range(1, MAX_AMOUNT))


class UserRequest(Schema):
    """What is known of the user; the address may be left out."""

    email = Email(load_default=None, allow_none=True)


class UserResponse(Schema):
    """A user, by our id and by the product's."""

    id = UUID(required=True)
    external_id = String(required=True, allow_none=True)
    email = String(required=True, allow_none=True)


class AccessResponse(SubscriptionResponse):
    """The plan in force for a user, and why."""

    user_id = UUID(required=True)


class AmountRequest(Schema):
    """How much of what, for whom: a user's id, or `ext:` and the product's own id."""

    user = String(required=True, validate=Length(1, 300))
    metric = String(required=True, validate=OneOf([metric.value for metric in Metric]))
    amount = amount_field()


class CountRequest(AmountRequest):
    """An amount to count; the same key counts once."""

    key = String(load_default=None, allow_none=True, validate=Length(1, MAX_KEY))


class ReserveRequest(CountRequest):
    """An amount to hold for some seconds."""

    seconds = Integer(load_default=SECONDS, strict=True, validate=Range(1, MAX_SECONDS))


class EndRequest(Schema):
    """A reservation to be released."""

    user = String(required=True, validate=Length(1, 300))
    reservation = UUID(required=True)


class CommitRequest(EndRequest):
    """A reservation to be kept: all of it, or the smaller amount."""

    amount = Integer(load_default=None, allow_none=True, strict=True, validate=Range(1, MAX_AMOUNT))


class CheckResponse(Schema):
    """Whether that much would be admitted now, and what is used. It holds nothing."""

    allowed = Boolean(required=True)
    usage = Nested(MetricUsage, required=True)


class CountResponse(Schema):
    """What is used by now; `counted` is false where the key had counted before."""

    counted = Boolean(required=True)
    usage = Nested(MetricUsage, required=True)


class ReservationResponse(Schema):
    """A reservation as it stands, and what is used with it."""

    id = UUID(required=True)
    metric = String(required=True)
    amount = Integer(required=True)
    state = String(required=True, validate=OneOf([state.value for state in ReservationState]))
    expires_at = DateTime(required=True)
    usage = Nested(MetricUsage, required=True)


class RecordedAmount(CountRequest):
    """One record of a list: its key is what makes sending the list again safe."""

    key = String(required=True, validate=Length(1, MAX_KEY))


class RecordRequest(Schema):
    """Amounts to count, each judged by itself, so that a bad one is told and the others count."""

    records = List(
        Dict(metadata={"description": "`user`, `metric`, `amount`, `key`, as for consume"}),
        required=True,
        validate=Length(1, MAX_RECORDS),
    )


class RecordResult(Schema):
    """What became of one record, at the same place in the list."""

    status = Integer(required=True)
    code = String(required=True)
    counted = Boolean(required=True)
    errors = Dict(metadata={"description": "By field, where the record cannot be read."})


class RecordResponse(Schema):
    """One result a record, in the order they were sent."""

    results = List(Nested(RecordResult), required=True)
