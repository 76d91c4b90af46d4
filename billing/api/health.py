"""Does the process live, and is it ready to serve?"""

from apiflask import APIBlueprint, Schema
from apiflask.fields import String

from billing.operations import readiness
from billing.operations.readiness import NotReady

health = APIBlueprint("health", __name__, tag="Health")


class Health(Schema):
    """A word that a probe can look for; `failing` names what works only in part."""

    status = String(required=True)
    failing = String()


@health.get("/healthz")
@health.output(Health)
def healthz() -> dict[str, str]:
    """Tell that the process lives; asks nothing of the database."""
    return {"status": "ok"}


@health.get("/readyz")
@health.output(Health)
def readyz() -> dict[str, str]:
    """Tell that the database answers and is migrated; `degraded` if Stripe refuses the API key.

    A degraded service still serves: what it holds is right, only nothing new is confirmed or sold.
    """
    if not readiness.is_migrated(readiness.database_revision(), readiness.newest_revision()):
        raise NotReady("Migrations are missing; run: flask db upgrade", failing="migrations")
    if readiness.is_key_refused():
        return {"status": "degraded", "failing": "stripe_key"}
    return {"status": "ready"}
