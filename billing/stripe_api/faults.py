"""How can Stripe let us down? SDK errors, sorted by what helps."""

import stripe

from billing.errors import BillingError, PaymentRequired, StripeUnavailable


class StripeMissing(BillingError):
    """Stripe does not know this object; asking again will not help."""

    status = 404
    code = "stripe_object_missing"


class StripeRefused(BillingError):
    """Stripe understood the request and will not do it; asking again will not help."""

    status = 502
    code = "stripe_refused"


class StripeKeyRefused(StripeUnavailable):
    """Stripe does not accept our key, or the key lacks a permission; an operator can mend it."""

    code = "stripe_key_refused"
    retry_after = 60


class CardDeclined(PaymentRequired):
    """The payment did not go through."""

    code = "payment_failed"


def translate(error: stripe.StripeError) -> BillingError:
    """Turn an SDK error into one of ours. Only StripeUnavailable and its kind may pass."""
    where = f" ({error.request_id})" if error.request_id else ""
    if isinstance(error, (stripe.AuthenticationError, stripe.PermissionError)):
        return StripeKeyRefused(f"Stripe refused the API key{where}.")
    if isinstance(error, stripe.CardError):
        return CardDeclined(error.user_message or "The payment was declined.")
    if isinstance(error, stripe.IdempotencyError):
        return StripeRefused(f"Stripe saw this key with other values{where}.")
    if isinstance(error, stripe.RateLimitError):
        return StripeUnavailable(f"Stripe is limiting our requests{where}.")
    if isinstance(error, stripe.InvalidRequestError):
        if error.code == "resource_missing":
            return StripeMissing(f"Stripe has no such object: {error.param or 'id'}{where}.")
        return StripeRefused(
            f"Stripe refused the request: {error.code or 'invalid_request'}{where}.",
            stripe_code=error.code,
            param=error.param,
        )
    return StripeUnavailable(f"Stripe did not answer as it should{where}.")
