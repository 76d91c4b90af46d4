"""From nothing but a clone: `make run` installs, starts, and stops."""

import os
import signal
import subprocess
from pathlib import Path
from threading import Timer

import pytest

from tests.support.source import ROOT

PATIENCE = 600


@pytest.mark.long
def test_make_run_in_a_fresh_clone_starts_everything(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)  # noqa: S603, S607 - git, on our own folder

    said = make_run(clone)

    assert "Ctrl-C stops everything" in said
    assert said.endswith("Stopped.\n")


def make_run(folder: Path) -> str:
    """Start it, stop it once it has told what to try, and return what it said."""
    command = ["make", "run", "PORT=31415"]
    with subprocess.Popen(  # noqa: S603 - our own Makefile
        command,
        cwd=folder,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        limit = Timer(PATIENCE, process.kill)
        limit.start()
        said = ""
        assert process.stdout is not None
        for line in process.stdout:
            said += line
            if "Ctrl-C" in line:
                os.killpg(process.pid, signal.SIGINT)
        limit.cancel()
    return said
