"""The example backend, in a process of its own, against the service over real HTTP."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from flask import Flask

from billing.database import transaction
from billing.identity import service_keys
from billing.identity.service_keys import Scope
from billing.stripe_sync import changes
from examples.jobs_backend import QUOTA_USED_UP, Billing, Refused, run_job
from tests.support import serving
from tests.support.factories import a_plan
from tests.support.source import ROOT


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    a_plan("free", max_jobs_per_month=2)
    with serving.served(app) as url:
        yield url


@pytest.fixture
def key(app: Flask) -> str:
    return service_keys.create("jobs", Scope)[1]


def backend(*words: str) -> tuple[int, str]:
    """Run it; return how it ended, and the last line that it printed."""
    command = [sys.executable, "-m", "examples.jobs_backend", *words]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own example
    return ended.returncode, ended.stdout.splitlines()[-1]


def test_jobs_run_until_the_quota_is_used_up(url: str, key: str):
    seen = [backend(url, key, "run", "customer-7", "a job") for _ in range(3)]

    assert [code for code, _ in seen] == [0, 0, QUOTA_USED_UP]
    assert [json.loads(line)["used"] for _, line in seen] == [1, 2, 2]


def test_a_job_that_fails_is_given_back(url: str, key: str):
    billing = Billing(url, key)

    with pytest.raises(ZeroDivisionError):
        run_job(billing, "customer-7", lambda: 1 / 0)

    named = {"user": "ext:customer-7", "metric": "jobs_created"}
    assert billing.ask("POST", "/v1/usage/check", named)["usage"]["used"] == 0


def test_it_follows_what_changed(url: str, key: str):
    change = dict.fromkeys(["user_id", "before", "stripe_event_id"])
    change |= {"stripe_id": "sub_A", "field": "status", "after": "active", "cause": "event"}
    with transaction():
        changes.note([change])

    first = json.loads(backend(url, key, "changes")[1])
    second = json.loads(backend(url, key, "changes", "--after", first["next"])[1])

    assert [one["field"] for one in first["changes"]] == ["status"]
    assert second == {"changes": [], "next": first["next"]}


def test_a_key_that_is_unknown_is_refused(url: str):
    with pytest.raises(Refused, match="unknown") as refused:
        Billing(url, "bsk_unknown").ask("GET", "/v1/changes")

    assert refused.value.facts["code"] == "service_key_invalid"
