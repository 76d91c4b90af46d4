"""How is a log line written? One event, one line, key=value, and nothing secret in it."""

import json
import logging
import re
from datetime import UTC, datetime

from flask import g, has_request_context

SECRETS = {
    "[key]": r"\b(sk|rk)_(test|live)_\w+",
    "[secret]": r"\bwhsec_\S+",
    "[token]": r"\beyJ[\w-]+\.[\w.-]+",
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
