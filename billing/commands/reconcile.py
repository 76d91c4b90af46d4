"""flask billing reconcile: is everything here as Stripe holds it?"""

import contextlib
import json

import click
from flask.cli import with_appcontext
from rich.console import Console
from rich.progress import Progress

from billing.errors import StripeUnavailable
from billing.stripe_api import transport
from billing.stripe_sync.healing import reconcile
from billing.stripe_sync.healing.checks import Phase
from billing.stripe_sync.healing.drift import Finding
from billing.stripe_sync.healing.reconcile import Report

LEFT = 1
CUT_OFF = 3


@click.command("reconcile")
@click.option("--fix/--dry-run", default=False, help="Refresh what differs. Default: only tell.")
@click.option("--rate", default=10.0, show_default=True, type=click.FloatRange(0.1, 100))
@click.option("--restart", is_flag=True, help="Begin anew, also where a run was cut off.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def reconcile_account(fix: bool, rate: float, restart: bool, as_json: bool) -> None:
    """Compare the whole Stripe account with what is stored. Stripe is only ever read.

    RATE is calls a second. Killed, it goes on from there when called again. Exit codes: 0 nothing
    differs (any more), 1 something does, 3 Stripe failed and the walk is not at its end.
    """
    try:
        with transport.paced(rate), _Bar(quiet=as_json) as on_page:
            report = reconcile.reconcile(fix=fix, restart=restart, on_page=on_page)
    except StripeUnavailable as fault:
        click.echo(f"cut off: {fault.detail} Call it again to go on.", err=True)
        raise click.exceptions.Exit(CUT_OFF) from None
    click.echo(json.dumps(_document(report), indent=2) if as_json else as_text(report))
    if report.left:
        raise click.exceptions.Exit(LEFT)


class _Bar(contextlib.AbstractContextManager["_Bar"]):
    """A line a phase on standard error: how much was compared, how much differs."""

    def __init__(self, *, quiet: bool) -> None:
        self._progress = Progress(console=Console(stderr=True), disable=quiet, transient=True)
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def __call__(self, phase: Phase, report: Report) -> None:
        told = f"{phase}: {report.compared} compared, {report.found.total} differ"
        self._progress.update(self._task, description=told)


def _document(report: Report) -> dict[str, object]:
    return {
        "fixes": report.fixes,
        "resumed": report.resumed,
        "compared": report.compared,
        "by_kind": report.by_kind,
        "fixed": report.fixed.total,
        "left": [_row(finding) for finding in report.left],
        "left_unshown": report.left.unshown,
    }


def _row(finding: Finding) -> dict[str, object]:
    return {
        "kind": finding.kind.value,
        "stripe_id": finding.stripe_id,
        "detail": finding.detail,
        "mended_by": "refresh" if finding.subject else "a person",
    }


def as_text(report: Report) -> str:
    """Return what an operator reads: what is left, and the counts."""
    lines = [f"{row.kind.value}  {row.stripe_id}  {row.detail}" for row in report.left]
    if report.left.unshown:
        lines.append(f"... and {report.left.unshown} more, in the table drift")
    begun = ", resumed" if report.resumed else ""
    found = ", ".join(f"{count} {kind}" for kind, count in sorted(report.by_kind.items()))
    lines.append(f"{report.compared} compared{begun}; {found or 'nothing differs'}")
    if report.fixed:
        lines.append(f"{report.fixed.total} mended, {report.left.total} left")
    return "\n".join(lines)
