"""How do events reach the endpoints? From a small pool, with retries and chosen faults."""

import heapq
import http.client
import threading
import time
from collections.abc import Iterable
from random import Random
from urllib.parse import urlsplit

from billing.emulator.account import Account, Resource
from billing.emulator.signing import signed
from billing.emulator.versions import event_in_version

TIMEOUT = 10.0
WORKERS = 4
SHUFFLE_WITHIN = 0.3


class Deliveries:
    """Sends queued events to their endpoints, several at a time, in no promised order."""

    def __init__(self, account: Account, retry_delays: tuple[float, ...]) -> None:
        self.retry_delays = retry_delays
        self._account = account
        self._changed = threading.Condition()
        self._due: list[tuple[float, str]] = []
        self._held: list[str] = []
        self._sending = 0
        self._stopping = False
        self._random = Random(account.faults.seed)  # noqa: S311 # repeatable faults, not secrets
        self._workers: list[threading.Thread] = []

    def start(self) -> None:
        """Start the threads; what an earlier process left unsent goes out first."""
        self.push([left["id"] for left in self._account.all("_delivery")])
        for _ in range(WORKERS):
            worker = threading.Thread(target=self._work, name="emulator-delivery", daemon=True)
            self._workers.append(worker)
            worker.start()

    def stop(self) -> None:
        """End the threads; what is unsent stays unsent."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for worker in self._workers:
            worker.join(timeout=TIMEOUT)

    def push(self, ids: Iterable[str]) -> None:
        """Queue deliveries, each as late as the faults say."""
        faults = self._account.faults
        with self._changed:
            for id in ids:
                if faults.hold:
                    self._held.append(id)
                else:
                    self._queue(id, faults.delay + self._shuffle())
            self._changed.notify_all()

    def reseed(self) -> None:
        """Begin the drawing of faults anew."""
        self._random = Random(self._account.faults.seed)  # noqa: S311 # repeatable, not secret

    def _shuffle(self) -> float:
        return self._random.uniform(0, SHUFFLE_WITHIN) if self._account.faults.reorder else 0.0

    def _queue(self, id: str, wait: float) -> None:
        heapq.heappush(self._due, (time.monotonic() + wait, id))

    def release(self) -> None:
        """Stop holding and send what was held."""
        self._account.faults.hold = False
        with self._changed:
            held, self._held = self._held, []
            for id in held:
                self._queue(id, self._shuffle())
            self._changed.notify_all()

    def discard(self) -> None:
        """Forget what is held; its events stay undelivered."""
        with self._changed:
            held, self._held = self._held, []
        for id in held:
            self._forget(id)

    def held(self) -> list[Resource]:
        """Give the events that are held back, oldest first, as they would be sent."""
        with self._account.lock:
            wanted = [self._account.get("_delivery", id) for id in dict.fromkeys(self._held)]
            return [self._event_of(delivery) for delivery in wanted if delivery]

    def wait_idle(self, timeout: float) -> bool:
        """Wait until nothing is to be sent; say whether that came true in time."""
        with self._changed:
            return self._changed.wait_for(self._idle, timeout)

    def _idle(self) -> bool:
        return not (self._due or self._held or self._sending or self._account.all("_delivery"))

    # The threads

    def _work(self) -> None:
        while (id := self._take()) is not None:
            try:
                self._send(id)
            finally:
                with self._changed:
                    self._sending -= 1
                    self._changed.notify_all()

    def _take(self) -> str | None:
        with self._changed:
            while not self._stopping:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    self._sending += 1
                    return heapq.heappop(self._due)[1]
                self._changed.wait(wait)
            return None

    def _send(self, id: str) -> None:
        with self._account.lock:
            delivery = self._account.get("_delivery", id)
            endpoint = delivery and self._account.get("webhook_endpoint", delivery["endpoint"])
            if not delivery or not endpoint or endpoint["status"] != "enabled":
                return self._forget(id)
            event = self._event_of(delivery)
            told = event_in_version(self._account, event, endpoint["api_version"])
        if self._lost(event):
            return self._forget(id)
        if post(endpoint["url"], *signed(told, endpoint["_secret"])):
            return self._succeed(id)
        return self._fail(id)

    def _event_of(self, delivery: Resource) -> Resource:
        return self._account.view(self._account.find("event", delivery["event"]))

    def _lost(self, event: Resource) -> bool:
        drop = self._account.faults.drop
        if callable(drop):
            return bool(drop(event))
        if isinstance(drop, (int, float)):
            return self._random.random() < drop
        return event["type"] in drop

    def _succeed(self, id: str) -> None:
        account = self._account
        with account.atomic():
            if delivery := account.get("_delivery", id):
                account.remove(delivery)
                event = account.edit(account.find("event", delivery["event"]))
                count_down(event, delivery["endpoint"])

    def _fail(self, id: str) -> None:
        account = self._account
        with account.atomic():
            if delivery := account.get("_delivery", id):
                account.edit(delivery)["attempts"] += 1
        attempts = delivery["attempts"] if delivery else 0
        if attempts > len(self.retry_delays):
            self._forget(id)
        elif delivery:
            with self._changed:
                self._queue(id, self.retry_delays[attempts - 1])

    def _forget(self, id: str) -> None:
        with self._account.atomic():
            if delivery := self._account.get("_delivery", id):
                self._account.remove(delivery)


def count_down(event: Resource, endpoint: str) -> None:
    """Count an endpoint's first success; a duplicate changes nothing."""
    if endpoint not in event["_delivered_to"]:
        event["_delivered_to"].append(endpoint)
        event["pending_webhooks"] -= 1


def post(url: str, body: bytes, headers: dict[str, str]) -> bool:
    """Send one request; only 2xx is success, a redirect is not."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=TIMEOUT)
    try:
        connection.request("POST", parts._replace(scheme="", netloc="").geturl(), body, headers)
        return 200 <= connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
