"""Can the service serve? Asked of the database alone: Stripe may be slow, a probe may not."""

from functools import cache

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from billing.database import reading
from billing.errors import BillingError
from billing.stripe_api.faults import KEY_REFUSED
from billing.stripe_api.gateway import gateway
from billing.stripe_sync.subjects import MODELS
from config import ROOT


class NotReady(BillingError):
    """What the service stands on is missing; `failing` names it."""

    status = 503
    code = "not_ready"
    retry_after = 5


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


def is_key_refused() -> bool:
    """Tell whether Stripe refuses our key: seen here lately, or by a refresh that still waits."""
    if gateway().key.was_refused:
        return True
    waiting = [
        sa.exists().where(model.due_at.is_not(None), model.last_error.startswith(KEY_REFUSED))
        for model in MODELS.values()
    ]
    with reading() as session:
        return session.scalars(sa.select(sa.or_(*waiting))).one()
