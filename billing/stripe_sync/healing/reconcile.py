"""Is everything here as Stripe holds it? Walk the whole account, compare, and mend by refreshes.

Resumable: what was compared is left behind a cursor, stored after each page.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from uuid import UUID

import sqlalchemy as sa

from billing import clock
from billing.database import reading, transaction
from billing.models import Cause, ReconcileRun
from billing.stripe_api.faults import StripeMissing
from billing.stripe_api.gateway import gateway
from billing.stripe_sync import counters, refresh
from billing.stripe_sync.healing import drift
from billing.stripe_sync.healing.checks import CHECKS, Check, Checked, Phase, Walk
from billing.stripe_sync.healing.drift import Finding
from billing.stripe_sync.healing.samples import Sample
from billing.stripe_sync.subjects import MODELS, Subject

RESUME_WITHIN = timedelta(days=1)


@dataclass(slots=True)
class Report:
    """What a run found and did. It never grows: the first findings are kept, all are counted."""

    fixes: bool
    resumed: bool
    compared: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    found: Sample[Finding] = field(default_factory=Sample)
    fixed: Sample[Finding] = field(default_factory=Sample)
    left: Sample[Finding] = field(default_factory=Sample)

    @property
    def by_kind(self) -> dict[str, int]:
        """How many findings of each kind."""
        return dict(self.kinds)

    def add(self, compared: int, findings: Collection[Finding], fixed: Collection[Finding]) -> None:
        """Take up what one page showed, and which of it is mended."""
        mended = set(fixed)
        self.compared += compared
        self.kinds.update(finding.kind.value for finding in findings)
        self.found.extend(findings)
        self.fixed.extend(fixed)
        self.left.extend(finding for finding in findings if finding not in mended)


def reconcile(
    *, fix: bool, restart: bool = False, on_page: Callable[[Phase, Report], None] | None = None
) -> Report:
    """Compare everything; with `fix`, refresh what differs. Stripe is only ever read.

    Raises StripeUnavailable where Stripe fails for good; called again, it goes on from there.
    """
    resumed = None if restart else _resume(fix)
    run_id, began, phase, cursor = resumed or _start(fix)
    report = Report(fixes=fix, resumed=resumed is not None)
    walk = Walk(gateway())
    for each in list(Phase)[list(Phase).index(phase) :]:
        for page in _from(CHECKS[each], walk, cursor):
            _take(page, report, fix=fix)
            _advance(run_id, each, page)
            if on_page:
                on_page(each, report)
        cursor = None
    _finish(run_id, began)
    return report


def _from(check: Check, walk: Walk, cursor: str | None) -> Iterator[Checked]:
    """Go on after the cursor; from the start again if Stripe no longer knows that object."""
    pages = check(walk, cursor)
    try:
        first = next(pages, None)
    except StripeMissing:
        if cursor is None:
            raise
        pages = check(walk, None)
        first = next(pages, None)
    return pages if first is None else chain([first], pages)


def _take(page: Checked, report: Report, *, fix: bool) -> None:
    with transaction():
        for finding in page.findings:
            drift.report(finding)
    report.add(page.count, page.findings, mend(page.findings) if fix else [])


def mend(findings: Iterable[Finding]) -> list[Finding]:
    """Refresh whoever the findings concern; return those whose refresh went well."""
    by_subject: dict[Subject, list[Finding]] = {}
    for finding in findings:
        if finding.subject is not None:
            by_subject.setdefault(finding.subject, []).append(finding)
    mended = []
    for subject, concerned in by_subject.items():
        if is_refreshed(subject):
            mended += concerned
    with transaction():
        drift.resolve(mended)
    return mended


def is_refreshed(subject: Subject) -> bool:
    """Refresh the subject now; say whether its truth was stored."""
    with transaction():
        generation = counters.ask(subject)
    refresh.run(subject, Cause.RECONCILE)
    model = MODELS[subject.kind]
    with reading() as session:
        synced = session.scalars(sa.select(model.synced).where(model.id == subject.id)).one()
    return synced >= generation


def _start(fix: bool) -> tuple[UUID, datetime, Phase, str | None]:
    run = ReconcileRun(fixes=fix, phase=Phase.SUBSCRIPTIONS.value)
    with transaction() as session:
        session.add(run)
    return run.id, run.created_at, Phase.SUBSCRIPTIONS, None


def _resume(fix: bool) -> tuple[UUID, datetime, Phase, str | None] | None:
    with reading() as session:
        run = session.execute(
            sa.select(
                ReconcileRun.id, ReconcileRun.created_at, ReconcileRun.phase, ReconcileRun.cursor
            )
            .where(
                ReconcileRun.fixes == fix,
                ReconcileRun.finished_at.is_(None),
                ReconcileRun.updated_at >= clock.utc_now() - RESUME_WITHIN,
            )
            .order_by(ReconcileRun.created_at.desc())
            .limit(1)
        ).first()
    return (run.id, run.created_at, Phase(run.phase), run.cursor) if run else None


def _advance(run_id: UUID, phase: Phase, page: Checked) -> None:
    with transaction() as session:
        session.execute(
            sa.update(ReconcileRun)
            .where(ReconcileRun.id == run_id)
            .values(
                phase=phase.value,
                cursor=page.cursor,
                compared=ReconcileRun.compared + page.count,
            )
        )


def _finish(run_id: UUID, began: datetime) -> None:
    """Close the run, every older run that was abandoned, and what was not found again."""
    now = clock.utc_now()
    with transaction() as session:
        session.execute(
            sa.update(ReconcileRun)
            .where(
                sa.or_(ReconcileRun.id == run_id, ReconcileRun.created_at < began),
                ReconcileRun.finished_at.is_(None),
            )
            .values(finished_at=now)
        )
        drift.resolve_unseen(began)
