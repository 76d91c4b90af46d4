"""How is a log line written? One event, one line, key=value, and nothing secret in it."""

import json
import logging
import re
import threading
import time
from datetime import UTC, datetime

from flask import g, has_request_context

SECRETS = {
    "[key]": r"\b(sk|rk)_(test|live)_\w+",
    "[secret]": r"\bwhsec_\S+",
    "[token]": r"\beyJ[\w-]+\.[\w.-]+",
    "//[login]@": r"//[^/\s@:]*:\S*@",  # of an address; a password may hold an @
    "[email]": r"(?<![\w.+-])[\w.+-]++@[\w-]+(\.[\w-]+)+",  # begins only where a word does
    "[card]": r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])",
}
"""What no line may hold, and what stands in its place. The last guard: nothing should log these."""


class OneLine(logging.Formatter):
    """Writes time, level, logger, request and message as `key=value`, a traceback folded in."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        request_id = g.get("request_id", "-") if has_request_context() else "-"
        words = [
            f"at={moment}",
            f"level={record.levelname.lower()}",
            f"log={record.name}",
            f"request_id={request_id}",
            _pairs(record.getMessage()),
        ]
        if record.exc_info:
            words.append(f"traceback={json.dumps(self.formatException(record.exc_info))}")
        return without_secrets(" ".join(words).replace("\n", "\\n"))


class Outage:
    """A fault that lasts: one log line when it begins and one, with its length, when it ends."""

    def __init__(self, log: logging.Logger, name: str) -> None:
        self._log = log
        self._name = name
        self._lock = threading.Lock()
        self._began: float | None = None

    def begin(self, error: object) -> None:
        """Log the fault, unless it is known already."""
        with self._lock:
            is_new = self._began is None
            if is_new:
                self._began = time.monotonic()
        if is_new:
            self._log.warning("%s.outage_began error=%s", self._name, json.dumps(str(error)))

    def end(self) -> None:
        """Log how long the fault lasted, if there was one."""
        if self._began is None:  # the usual case costs no lock
            return
        with self._lock:
            began, self._began = self._began, None
        if began is not None:
            self._log.warning("%s.outage_ended seconds=%.1f", self._name, time.monotonic() - began)


def init(level: str) -> None:
    """Write our log to standard error, unless the process has a log of its own already."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine())
    logging.basicConfig(handlers=[handler])
    logging.getLogger("billing").setLevel(level)


def without_secrets(text: str) -> str:
    """Put a word in the place of each key, token, address or card number."""
    for word, pattern in SECRETS.items():
        text = re.sub(pattern, word, text)
    return text


def _pairs(message: str) -> str:
    return message if re.match(r"([a-z_.]+ )?\w+=", message) else f"message={json.dumps(message)}"
