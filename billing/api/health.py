"""Does the process live, and is it ready to serve?"""

from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import Integer, Nested, String
from apiflask.validators import OneOf
from flask import current_app

from billing.operations import readiness
from billing.operations.limit_storage import storage_of
from billing.operations.readiness import NotReady

health = APIBlueprint("health", __name__, tag="Health")


class Limits(Schema):
    """How the process that answers counts rate limits, and how often it had to do so alone."""

    counted = String(required=True, validate=OneOf(["shared", "per_process"]))
    outages = Integer(required=True)


class Health(Schema):
    """A word that a probe can look for; `failing` names what works only in part."""

    status = String(required=True)
    failing = String()
    limits = Nested(Limits, metadata={"description": "With `REDIS_URL` only."})


@health.get("/healthz")
@health.output(Health)
def healthz() -> dict[str, str]:
    """Tell that the process lives; asks nothing of the database."""
    return {"status": "ok"}


@health.get("/readyz")
@health.output(Health)
def readyz() -> dict[str, Any]:
    """Tell that the database answers and is migrated; `degraded` if Stripe refuses the API key.

    A degraded service still serves: what it holds is right, only nothing new is confirmed or sold.
    Without its Redis it is as ready as with it.
    """
    if not readiness.is_migrated(readiness.database_revision(), readiness.newest_revision()):
        raise NotReady("Migrations are missing; run: flask db upgrade", failing="migrations")
    if readiness.is_key_refused():
        return {"status": "degraded", "failing": "stripe_key"} | _limits()
    return {"status": "ready"} | _limits()


def _limits() -> dict[str, Any]:
    storage = storage_of(current_app)
    if storage is None:
        return {}
    counted = "per_process" if storage.is_away else "shared"
    return {"limits": {"counted": counted, "outages": storage.outages}}
