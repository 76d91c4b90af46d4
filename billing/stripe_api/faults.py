"""How can Stripe let us down? SDK errors, sorted by what helps."""

import re
from typing import Any

import stripe

from billing.errors import BillingError, PaymentRequired, StripeUnavailable

KEY_REFUSED = "Stripe refused the API key"
"""How the text of every refusal of the key begins, also where a failed refresh keeps it."""


class StripeRefusal(BillingError):
    """Stripe's definite no to one request.

    Callers see `detail`. The text of the exception adds `reason`, Stripe's own sentence, and the
    request id, for the operator.
    """

    def __init__(
        self, detail: str, *, reason: str = "", request_id: str | None = None, **facts: Any
    ) -> None:
        super().__init__(detail, **facts)
        self.reason = reason
        self.request_id = request_id

    def __str__(self) -> str:
        return " ".join(part for part in (self.detail, self.reason) if part)


class StripeMissing(StripeRefusal):
    """Stripe does not know this object; asking again will not help."""

    status = 404
    code = "stripe_object_missing"


class StripeRefused(StripeRefusal):
    """Stripe understood the request and will not do it; asking again will not help."""

    status = 502
    code = "stripe_refused"


class IdempotencyKeyConflict(StripeRefused):
    """Stripe holds this idempotency key for a request with other values; this one was not made."""


class StripeKeyRefused(StripeUnavailable):
    """Stripe does not accept our key, or the key lacks a permission; an operator can mend it.

    Callers hear `detail`; the text of the exception names the permissions, for the operator.
    """

    code = "stripe_key_refused"
    retry_after = 60

    def __init__(
        self, detail: str, *, is_of_permission: bool = False, permissions: tuple[str, ...] = ()
    ) -> None:
        super().__init__(detail)
        self.is_of_permission = is_of_permission
        self.permissions = permissions

    def __str__(self) -> str:
        lacking = f" It lacks: {', '.join(self.permissions)}." if self.permissions else ""
        return f"{self.detail}{lacking}"


class StripeFailed(StripeUnavailable):
    """Stripe answered 5xx. It replays this answer to the same idempotency key for a day."""


class CardDeclined(PaymentRequired):
    """The payment did not go through."""

    code = "payment_failed"


def is_refusal(error: BaseException) -> bool:
    """Return whether Stripe decided against the request, so that nothing of it was done.

    An `idempotency_error` is none: it speaks of an earlier request with the key.
    """
    refusals = (StripeRefusal, CardDeclined)
    return isinstance(error, refusals) and not isinstance(error, IdempotencyKeyConflict)


def translate(error: stripe.StripeError) -> BillingError:
    """Turn an SDK error into one of ours. Only StripeUnavailable and its kind may pass."""
    where = f" ({error.request_id})" if error.request_id else ""
    answer: dict[str, Any] = {"reason": error.user_message or "", "request_id": error.request_id}
    if isinstance(error, stripe.AuthenticationError):
        return StripeKeyRefused(f"{KEY_REFUSED}{where}.")
    if isinstance(error, stripe.PermissionError):
        lacking = permissions_named(str(error))
        return StripeKeyRefused(
            f"{KEY_REFUSED}{where}.", is_of_permission=True, permissions=lacking
        )
    if isinstance(error, stripe.CardError):
        return CardDeclined(error.user_message or "The payment was declined.")
    if isinstance(error, stripe.IdempotencyError):
        return IdempotencyKeyConflict(f"Stripe saw this key with other values{where}.", **answer)
    if isinstance(error, stripe.RateLimitError):
        return StripeUnavailable(f"Stripe is limiting our requests{where}.")
    if isinstance(error, stripe.InvalidRequestError):
        if error.code == "resource_missing":
            return StripeMissing(
                f"Stripe has no such object: {error.param or 'id'}{where}.",
                param=error.param,
                **answer,
            )
        return StripeRefused(
            f"Stripe refused the request: {error.code or 'invalid_request'}{where}.",
            stripe_code=error.code,
            param=error.param,
            **answer,
        )
    if error.http_status is not None and error.http_status >= 500:
        return StripeFailed(f"Stripe failed{where}.")
    return StripeUnavailable(f"Stripe did not answer as it should{where}.")


def permissions_named(message: str) -> tuple[str, ...]:
    """Read which permissions of a restricted key a refusal asks for."""
    return tuple(dict.fromkeys(re.findall(r"\brak_\w+", message)))
