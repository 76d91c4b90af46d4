"""What does the account hold? Its objects, changed atomically, and the events they cause."""

import copy
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from billing import clock
from billing.emulator.errors import ApiError, missing
from billing.emulator.faults import Faults
from billing.emulator.state_file import StateFile
from billing.emulator.transaction import Cause, Transaction, restore

Resource = dict[str, Any]

API_VERSION = "2026-10-28.endive"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
EVENT_NAMES = {"subscription": "customer.subscription", "dispute": "charge.dispute"}

View = Callable[["Account", Resource], Resource]
VIEWS: dict[str, View] = {}


@dataclass(slots=True)
class Settings:
    """What an account decides in Stripe's Dashboard."""

    dunning_days: tuple[int, ...] = (3, 5, 7)
    dunning_end: str = "canceled"


class Account:
    """Every object of the account. Change it only inside `atomic()`."""

    def __init__(self, state_file: Path | None = None) -> None:
        self.url = ""
        self.faults = Faults()
        self.settings = Settings()
        self.lock = threading.RLock()
        self._file = StateFile(state_file) if state_file else None
        self._kinds: dict[str, dict[str, Resource]] = {}
        self._open: Transaction | None = None
        for saved in self._file.load() if self._file else ():
            self._kinds.setdefault(saved["object"], {})[saved["id"]] = saved

    @contextmanager
    def atomic(self, cause: Cause | None = None) -> Iterator[Transaction]:
        """Keep every change or, when the block fails, none; one transaction at a time."""
        with self.lock:
            if self._open:
                raise RuntimeError("atomic() does not nest")
            transaction = self._open = Transaction(cause or Cause())
            try:
                yield transaction
                self._save(transaction)
            except BaseException as refusal:
                if isinstance(refusal, ApiError) and refusal.keeps_changes:
                    self._save(transaction)
                else:
                    transaction.unwind()
                raise
            finally:
                self._open = None

    def rehearse(self, act: Callable[[], Resource]) -> Resource:
        """Do something, take all of it back, and give what it would have resulted in."""
        if self._open is None:
            raise RuntimeError("a rehearsal needs atomic()")
        before = self._open
        self._open = Transaction(before.cause)
        try:
            return self.view(act())
        finally:
            self._open.unwind()
            self._open = before

    def _save(self, transaction: Transaction) -> None:
        for hook in BEFORE_COMMIT:
            hook(self, list(transaction.touched.values()))
        if self._file:
            self._file.save(transaction.touched, self._holds)

    def _holds(self, touched: Resource) -> bool:
        return touched["id"] in self._kinds.get(touched["object"], {})

    def close(self) -> None:
        """Let go of the state file."""
        if self._file:
            self._file.close()

    # Reading

    def kinds(self) -> list[str]:
        """Name every kind of object there is."""
        return list(self._kinds)

    def all(self, kind: str) -> list[Resource]:
        """Give every object of a kind, oldest first."""
        return list(self._kinds.get(kind, {}).values())

    def get(self, kind: str, id: str | None) -> Resource | None:
        """Give one object, or None where there is none."""
        return self._kinds.get(kind, {}).get(id or "")

    def find(self, kind: str, id: str, param: str = "id") -> Resource:
        """Give one object, or refuse the request naming the parameter."""
        found = self.get(kind, id)
        if found is None:
            raise missing(kind, id, param)
        return found

    def anything(self, id: str) -> Resource | None:
        """Give the object of this id, whatever its kind."""
        return next((held[id] for held in self._kinds.values() if id in held), None)

    def view(self, stored: Resource) -> Resource:
        """Give a copy as the API shows it: without our own bookkeeping."""
        shown = {name: value for name, value in stored.items() if not name.startswith("_")}
        as_shown = VIEWS.get(stored.get("object", ""))
        return as_shown(self, copy.deepcopy(shown)) if as_shown else copy.deepcopy(shown)

    def now(self, customer: str | None = None) -> int:
        """Give the moment in Unix seconds: simulated for a customer on a test clock."""
        holder = self.get("customer", customer)
        on = holder.get("test_clock") if holder else None
        test_clock = self.get("test_helpers.test_clock", on)
        return int(test_clock["frozen_time"]) if test_clock else clock.to_unix(clock.utc_now())

    # Changing

    def add(self, created: Resource) -> Resource:
        """Take in a new object."""
        held = self._kinds.setdefault(created["object"], {})
        held[created["id"]] = created
        self._note(created, lambda: held.__delitem__(created["id"]))
        return created

    def remove(self, stored: Resource) -> None:
        """Forget an object."""
        held = self._kinds[stored["object"]]
        before = dict(held)
        del held[stored["id"]]
        self._note(stored, lambda: restore(held, before))

    def edit(self, stored: Resource) -> Resource:
        """Announce that a stored object is about to change, so that it can be taken back."""
        before = copy.deepcopy(stored)
        self._note(stored, lambda: restore(stored, before))
        return stored

    def _note(self, touched: Resource, undo: Callable[[], None]) -> None:
        if self._open is None:
            raise RuntimeError("the account changes only inside atomic()")
        self._open.undo.append(undo)
        self._open.touched[touched["id"]] = touched

    @contextmanager
    def changing(self, stored: Resource, event: str | None = None) -> Iterator[Resource]:
        """Change an object and tell of it, with what was there before, once it is announced."""
        before = self.view(self.edit(stored))
        yield stored
        previous = difference(before, self.view(stored))
        if previous and not stored.get("_unannounced"):
            name = EVENT_NAMES.get(stored["object"], stored["object"])
            self.emit(event or f"{name}.updated", stored, previous)

    # Events

    def emit(self, type: str, about: Resource, previous: Resource | None = None) -> None:
        """Record an event of this moment and queue it for every endpoint that wants it."""
        if self._open is None:
            raise RuntimeError("events arise only inside atomic()")
        if self.faults.silent:
            return
        wanted_by = [found for found in self.all("webhook_endpoint") if wants(found, type)]
        for _ in range(1 + self.faults.twins):
            event = self.add(self._event(type, about, previous, len(wanted_by)))
            for endpoint in wanted_by * (1 + self.faults.duplicate):
                self._open.deliveries.append(self._delivery(event["id"], endpoint["id"]))

    def _delivery(self, event: str, endpoint: str) -> str:
        id = token("_dl_")
        kept = {"id": id, "object": "_delivery", "event": event, "endpoint": endpoint}
        self.add({**kept, "attempts": 0})
        return id

    def _event(
        self, type: str, about: Resource, previous: Resource | None, pending: int
    ) -> Resource:
        cause = self._open.cause if self._open else Cause()
        told = {"object": self.view(about)}
        return {
            "id": token("evt_"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.faults.freeze_second or clock.to_unix(clock.utc_now()),
            "data": told if previous is None else {**told, "previous_attributes": previous},
            "livemode": False,
            "pending_webhooks": pending,
            "request": {"id": cause.request_id, "idempotency_key": cause.idempotency_key},
            "type": type,
            "_delivered_to": [],
        }


Hook = Callable[[Account, list[Resource]], None]
BEFORE_COMMIT: list[Hook] = []


def shown_as(kind: str) -> Callable[[View], View]:
    """Register how objects of a kind are shown; the view gets a copy that it may change."""

    def register(as_shown: View) -> View:
        VIEWS[kind] = as_shown
        return as_shown

    return register


def token(prefix: str, length: int = 24) -> str:
    """Make a new id."""
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(length))


def wants(endpoint: Resource, type: str) -> bool:
    """Say whether an endpoint listens to this type."""
    listens = type in endpoint["enabled_events"] or "*" in endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and listens


def difference(before: Resource, after: Resource) -> Resource:
    """Give the earlier values of what changed: nested mappings in part, arrays whole."""
    previous: Resource = {}
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            previous.update({name: inner} if (inner := difference(old, new)) else {})
        elif old != new:
            previous[name] = old
    return previous
