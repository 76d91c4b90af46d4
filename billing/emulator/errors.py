"""How does Stripe say no? Its error bodies, as exceptions."""

from typing import Any


class ApiError(Exception):
    """A refusal, with the HTTP status and the members of Stripe's error object.

    It takes the request's changes back, unless `keeps_changes` says that they happened.
    """

    def __init__(self, status: int, message: str, **members: Any) -> None:
        super().__init__(message)
        self.status = status
        self.keeps_changes = False
        self.members = {"type": "invalid_request_error", "message": message, **members}

    def body(self, request_id: str) -> dict[str, Any]:
        """Give the JSON body."""
        log = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": {**self.members, "request_log_url": log}}


def invalid(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """Refuse the request as it is: 400."""
    members = {"param": param, "code": code}
    return ApiError(400, message, **{name: value for name, value in members.items() if value})


def unknown_parameter(param: str) -> ApiError:
    """Refuse a parameter that the route does not have."""
    return invalid(f"Received unknown parameter: {param}", param, "parameter_unknown")


def missing_parameter(param: str) -> ApiError:
    """Refuse for lack of a required parameter."""
    return invalid(f"Missing required param: {param}.", param, "parameter_missing")


def missing(kind: str, wanted: str, param: str = "id") -> ApiError:
    """Say that there is no such object: 404 for the path's id, 400 for a parameter."""
    status = 404 if param == "id" else 400
    message = f"No such {kind.rpartition('.')[2]}: '{wanted}'"
    return ApiError(status, message, param=param, code="resource_missing")


def card_error(message: str, code: str, **members: Any) -> ApiError:
    """Say that the card did not pay: 402."""
    return ApiError(402, message, type="card_error", code=code, **members)


def unauthorized(message: str) -> ApiError:
    """Refuse the API key: 401."""
    return ApiError(401, message)


def forbidden(method: str, path: str) -> ApiError:
    """Refuse a restricted key, naming the permission that it lacks: 403."""
    resource = path.split("/")[2].rstrip("s")
    permission = f"rak_{resource}_{'read' if method == 'GET' else 'write'}"
    message = (
        "The provided key does not have the required permissions for this endpoint. "
        f"Having the '{permission}' permission would allow this request to continue."
    )
    return ApiError(403, message, code="more_permissions_required")


def unknown_route(method: str, path: str) -> ApiError:
    """Refuse a URL that the API does not have: 404."""
    return ApiError(404, f"Unrecognized request URL ({method}: {path}).")


def idempotency_mismatch(key: str) -> ApiError:
    """Refuse a key that was used with other parameters: 400."""
    message = f"The idempotency key '{key}' was first used with other parameters."
    return ApiError(400, message, type="idempotency_error")


def idempotency_in_use(key: str) -> ApiError:
    """Refuse a twin while the first request with this key is still running: 409."""
    message = f"Another request with the idempotency key '{key}' is in progress."
    return ApiError(409, message, type="idempotency_error", code="idempotency_key_in_use")
