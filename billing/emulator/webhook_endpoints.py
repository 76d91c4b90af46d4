"""Webhook endpoints: where events go."""

from collections.abc import Sequence

from stripe import params as types

from billing.emulator.account import Account, Resource, token
from billing.emulator.routes import Params, listable, retrievable, route
from billing.emulator.writing import apply

retrievable("/v1/webhook_endpoints/<id>", "webhook_endpoint", types.WebhookEndpointRetrieveParams)
listable("/v1/webhook_endpoints", "webhook_endpoint", types.WebhookEndpointListParams)


@route("POST", "/v1/webhook_endpoints", types.WebhookEndpointCreateParams)
def create(account: Account, params: Params) -> Resource:
    """Create an endpoint; its secret is told this once."""
    endpoint = new_endpoint(account, params)
    return {**endpoint, "secret": endpoint["_secret"]}


def new_endpoint(account: Account, params: Params) -> Resource:
    """Store an endpoint with a secret of its own."""
    return account.add(
        {
            "id": token("we_"),
            "object": "webhook_endpoint",
            "api_version": None,
            "application": None,
            "created": account.now(),
            "description": None,
            "livemode": False,
            "metadata": {},
            "status": "enabled",
            **params,
            "_secret": token("whsec_", 32),
        }
    )


def register_endpoint(
    account: Account,
    url: str,
    secret: str | None,
    enabled_events: Sequence[str],
    api_version: str | None,
) -> Resource:
    """Create the endpoint of a URL or change the one there is; the answer holds the secret."""
    told = {"url": url, "enabled_events": list(enabled_events), "api_version": api_version}
    known = (found for found in account.all("webhook_endpoint") if found["url"] == url)
    endpoint = next(known, None) or new_endpoint(account, told)
    account.edit(endpoint).update(told)
    endpoint["_secret"] = secret or endpoint["_secret"]
    return {**account.view(endpoint), "secret": endpoint["_secret"]}


@route("POST", "/v1/webhook_endpoints/<id>", types.WebhookEndpointUpdateParams)
def update(account: Account, params: Params, id: str) -> Resource:
    """Change an endpoint, or switch it off and on."""
    endpoint = account.edit(account.find("webhook_endpoint", id))
    if "disabled" in params:
        endpoint["status"] = "disabled" if params.pop("disabled") else "enabled"
    apply(endpoint, params)
    return endpoint


@route("DELETE", "/v1/webhook_endpoints/<id>", types.WebhookEndpointDeleteParams)
def delete(account: Account, params: Params, id: str) -> Resource:
    """Delete an endpoint; what was on its way to it is dropped."""
    account.remove(account.find("webhook_endpoint", id))
    return {"id": id, "object": "webhook_endpoint", "deleted": True}
