"""A product in a process of its own: it speaks to the billing service with a service key.

With `make run` going, in another terminal at the project's root:

    set -a; . instance/dev.env; set +a
    .venv/bin/flask --app wsgi billing keys create jobs \
        --scope users --scope access --scope usage --scope changes
    python3 -m examples.jobs_backend http://127.0.0.1:5000 KEY run customer-7 "resize images"
    python3 -m examples.jobs_backend http://127.0.0.1:5000 KEY changes

`run` does a job for the product's own user `customer-7`: it is reserved first, kept when it is
done and given back when it fails. `changes` prints what changed for whom, and where to go on.
"""

import argparse
import json
import sys
from collections.abc import Callable
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

QUOTA_USED_UP = 3
"""How the program ends when the plan leaves no room for another job."""


class Refused(Exception):
    """The billing service says no; `facts` is its problem document."""

    def __init__(self, facts: dict[str, Any]) -> None:
        super().__init__(facts["detail"])
        self.facts = facts


class Billing:
    """The billing service, as a backend sees it."""

    def __init__(self, url: str, key: str) -> None:
        self._url = urlsplit(url)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send one request and read its answer. Raises Refused."""
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        connection = kind(self._url.netloc, timeout=10)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, self._headers)
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status >= 400:
            raise Refused(answer)
        return answer


def run_job(billing: Billing, user: str, work: Callable[[], None]) -> dict[str, Any]:
    """Do the work if the user's plan has room for it; return what is used afterwards.

    If this process dies in between, the reservation runs out by itself.
    """
    billing.ask("PUT", f"/v1/users/ext:{user}", {})
    named = {"user": f"ext:{user}"}
    held = billing.ask("POST", "/v1/usage/reserve", {**named, "metric": "jobs_created"})
    ended = {**named, "reservation": held["id"]}
    try:
        work()
    except Exception:
        billing.ask("POST", "/v1/usage/release", ended)
        raise
    usage: dict[str, Any] = billing.ask("POST", "/v1/usage/commit", ended)["usage"]
    return usage


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description="A product's backend.")
    parser.add_argument("url")
    parser.add_argument("key")
    actions = parser.add_subparsers(dest="action", required=True)
    run = actions.add_parser("run")
    run.add_argument("user")
    run.add_argument("job")
    follow = actions.add_parser("changes")
    follow.add_argument("--after", default="0")
    told = parser.parse_args()
    billing = Billing(told.url, told.key)
    try:
        if told.action == "run":
            answer = run_job(billing, told.user, lambda: print(f"doing: {told.job}"))
        else:
            answer = billing.ask("GET", f"/v1/changes?after={told.after}")
    except Refused as refusal:
        print(json.dumps(refusal.facts))
        return QUOTA_USED_UP if refusal.facts["code"] == "quota_exceeded" else 1
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
