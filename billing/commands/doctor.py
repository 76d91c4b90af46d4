"""flask billing doctor: is everything set up so that it works?"""

import json
from dataclasses import asdict

import click
from flask.cli import with_appcontext

from billing.operations import doctor
from billing.operations.findings import Finding
from billing.operations.stripe_side import webhook_url

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command("doctor")
@click.option("--url", help="Where Stripe posts to. Default: APP_URL and /webhooks/stripe.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def run_doctor(url: str | None, as_json: bool) -> None:
    """Check key, endpoint, secret, database, plans and work, and name the fix of each fault.

    Run it beside the running service, with its environment. Exit codes: 0 nothing fails, 1
    something does.
    """
    findings = []
    for finding in doctor.examine(url or webhook_url()):
        findings.append(finding)
        if not as_json:
            _print(finding)
    is_well = doctor.is_well(findings)
    if as_json:
        document = {"ok": is_well, "checks": [asdict(one) for one in findings]}
        click.echo(json.dumps(document, indent=2))
    if not is_well:
        raise click.exceptions.Exit(1)


def _print(finding: Finding) -> None:
    grade = click.style(f"{finding.grade.value:4}", fg=COLOURS[finding.grade.value])
    click.echo(f"{grade}  {finding.about}: {finding.seen}")
    if finding.fix:
        click.echo(f"      fix: {finding.fix}")
