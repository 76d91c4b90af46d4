"""How does a test wait for what another thread or process does?"""

import time
from collections.abc import Callable

PATIENCE = 20.0


def eventually(condition: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
    """Wait until the condition holds; fail if it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "what was waited for did not happen"
        time.sleep(0.05)
