"""Does the process live, and is it ready to serve?"""

from functools import cache

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from apiflask import APIBlueprint, Schema
from apiflask.fields import String
from sqlalchemy.exc import SQLAlchemyError

from billing.database import reading
from billing.errors import BillingError
from config import ROOT

health = APIBlueprint("health", __name__, tag="Health")


class Health(Schema):
    """A word that a probe can look for."""

    status = String(required=True)


class NotReady(BillingError):
    """What the service stands on is missing; `failing` names it."""

    status = 503
    code = "not_ready"
    retry_after = 5


@health.get("/healthz")
@health.output(Health)
def healthz() -> dict[str, str]:
    """Tell that the process lives; asks nothing of the database."""
    return {"status": "ok"}


@health.get("/readyz")
@health.output(Health)
def readyz() -> dict[str, str]:
    """Tell that the database answers and is migrated."""
    if not is_migrated(database_revision(), newest_revision()):
        raise NotReady("Migrations are missing; run: flask db upgrade", failing="migrations")
    return {"status": "ready"}


def is_migrated(found: str, newest: str) -> bool:
    """Compare revisions, which are dates. A newer one is fine: each stays readable one release."""
    return found.isdigit() and found >= newest


def database_revision() -> str:
    """Read how far the database is migrated, empty if not at all. Raises NotReady."""
    try:
        with reading() as session:
            session.execute(sa.select(1))
            return MigrationContext.configure(session.connection()).get_current_revision() or ""
    except SQLAlchemyError:
        raise NotReady("The database does not answer.", failing="database") from None


@cache
def newest_revision() -> str:
    """Read the newest migration of the code."""
    return ScriptDirectory(str(ROOT / "migrations")).get_current_head() or ""
