"""What begins and ends with a process that serves? Its claim, its sweep, its connections."""

import atexit
import logging
import os
from collections.abc import Callable

from flask import Flask

from billing.database import db
from billing.operations import claims
from billing.settings import settings
from billing.stripe_sync import sweep
from config import BadSetting

STOP_SECONDS = 5.0
BOOT_FAILED = 3
"""The exit code by which a worker tells gunicorn that starting it again will not help."""

log = logging.getLogger(__name__)


class Serving:
    """One serving process, and every process that is forked from it: who forks serves no more."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._sweeper: sweep.Sweeper | None = None
        self._give_back: Callable[[], None] | None = None

    def begin(self) -> None:
        """Claim what cannot be shared, and sweep. Raises BadSetting."""
        with self._app.app_context():
            self._give_back = claims.claim(settings())
        self._sweeper = sweep.start(self._app)
        log.info("serving=begun pid=%d", os.getpid())

    def end(self) -> None:
        """Let the sweep end with the step it is at, close every connection, give the claim back."""
        if self._sweeper:
            self._sweeper.stop()
            self._sweeper.join(STOP_SECONDS)
            log.info("serving=ended pid=%d", os.getpid())
        with self._app.app_context():
            db.engine.dispose()
        if self._give_back:
            self._give_back()
        self._sweeper = self._give_back = None

    def begin_in_child(self) -> None:
        """Serve in a process that was just forked, with connections of its own."""
        with self._app.app_context():
            db.engine.dispose(close=False)  # what is left in it belongs to the parent
        try:
            self.begin()
        except BadSetting as fault:
            log.critical('serving=refused reason="%s"', fault)
            os._exit(BOOT_FAILED)  # a fault raised in this hook would be swallowed


def begin(app: Flask) -> None:
    """Serve in this process until it ends, or in its children if it is one that forks."""
    process = Serving(app)
    process.begin()
    os.register_at_fork(before=process.end, after_in_child=process.begin_in_child)
    atexit.register(process.end)
