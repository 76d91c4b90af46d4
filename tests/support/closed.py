"""What may a test see of the machine? Itself: no settings of the shell, no network."""

import os
import socket
from collections.abc import Callable
from functools import wraps
from ipaddress import ip_address
from typing import Any

import pytest

KEPT = {"PATH", "HOME", "TMPDIR", "LANG", "USER", "VIRTUAL_ENV", "COLUMNS", "TERM"}
KEPT_PREFIXES = ("LC_", "PYTEST_", "COV_")


def forget_environment() -> None:
    """Drop every variable that is not needed, above all what configures us or our libraries."""
    for name in list(os.environ):
        if name not in KEPT and not name.startswith(KEPT_PREFIXES):
            del os.environ[name]


def close_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that leaves this machine."""
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(connect)
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family != socket.AF_UNIX and not _is_loopback(address[0]):
            raise RuntimeError(f"a test tried to reach {address[0]}")
        return connect(self, address)

    return guarded


def _is_loopback(host: str) -> bool:
    return host == "localhost" or ip_address(host).is_loopback
