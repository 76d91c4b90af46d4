"""May this process serve? Not beside another one, where what they use cannot be shared.

A claim is a lock on a file, so that the kernel lets go of it whatever becomes of the process. It
sees the processes of one machine; between machines PostgreSQL and Redis are asked for anyway.
"""

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from sqlalchemy.engine import make_url

from config import BadSetting, Config

PATIENCE_SECONDS = 10.0
"""How long one that is ending (a restart, a reload) is waited for."""

ONE_PROCESS = "one process serves at a time: gunicorn --workers 1 --threads 8"


def claim(config: Config, *, patience: float = PATIENCE_SECONDS) -> Callable[[], None]:
    """Take what only one process may serve from; return what gives it back.

    Raises BadSetting where another process serves and goes on doing so.
    """
    path, why = _exclusive(config)
    if path is None:
        return lambda: None
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    file = os.fdopen(descriptor, "r+")
    end = time.monotonic() + patience
    while not _locked(file):
        if time.monotonic() > end:
            file.close()
            raise BadSetting(why)
        time.sleep(0.1)
    return file.close


def _exclusive(config: Config) -> tuple[Path | None, str]:
    """Name the file to lock, and say why another process may not serve; None if it may."""
    if config.uses_sqlite:
        database = make_url(config.database_url).database
        path = Path(f"{database}.serving") if database and database != ":memory:" else None
        return path, f"Another process serves {database}. With SQLite {ONE_PROCESS}"
    if config.redis_url:
        return None, ""
    name = hashlib.sha256(config.database_url.encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir(), f"billing-{os.getuid()}-{name}.serving")
    return path, f"Another process serves this database. Without REDIS_URL {ONE_PROCESS}"


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
