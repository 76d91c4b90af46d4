"""A worker whose database is away for a while: what its log says, and that it goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from billing.stripe_sync import sweep
from tests.conftest import configured

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_worker_says_once_that_the_database_is_away_and_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    config = configured("postgresql://postgres@127.0.0.1:9/billing")
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": config.database_url,
        "STRIPE_SECRET_KEY": config.stripe_secret_key,
        "STRIPE_WEBHOOK_SECRET": config.stripe_webhook_secrets[0],
        "STRIPE_API_BASE": config.stripe_api_base,
        "JWT_SECRET": config.jwt_secret,
        "BILLING_PROCESSING": "worker",
    }

    with log.open("w") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "billing", "worker"],
            cwd=ROOT,
            env=environment,
            stderr=output,
        )
        wait_for(log, "database.outage_began")
        time.sleep(2)  # eight more looks
        still_runs = worker.poll() is None
        worker.send_signal(signal.SIGTERM)
        worker.wait(20)

    assert still_runs
    assert log.read_text().count("outage_began") == 1
    assert "Traceback" not in log.read_text()


def wait_for(log: Path, words: str) -> None:
    """Wait until the log has the words. Raises AssertionError after half a minute."""
    deadline = time.monotonic() + 30
    while words not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


@pytest.mark.usefixtures("app")
def test_an_outage_of_the_database_is_logged_with_its_length_when_a_sweep_works_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sweep.DATABASE_OUTAGE.begin("OperationalError")

    sweep.sweep_or_log()

    assert [one.split()[0] for one in caplog.messages] == [
        "database.outage_began",
        "database.outage_ended",
    ]
