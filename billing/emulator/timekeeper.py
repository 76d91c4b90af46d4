"""What is due? Walks test clocks forward and lets real time do the same, step by step."""

import threading
import time
from collections.abc import Callable

from billing.emulator.account import Account, Resource
from billing.emulator.lifecycle import Step, next_step
from billing.emulator.test_clocks import KIND
from billing.emulator.transaction import Transaction

TICK = 1.0


class Timekeeper:
    """One thread that does what falls due, each step atomic by itself."""

    def __init__(self, account: Account, announce: Callable[[Transaction], None]) -> None:
        self._account = account
        self._announce = announce
        self._woken = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="emulator-time", daemon=True)

    def start(self) -> None:
        """Start the clockwork."""
        self._thread.start()

    def stop(self) -> None:
        """End the clockwork."""
        self._stopping = True
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def wake(self) -> None:
        """Look at once whether a test clock was set going, not at the next tick."""
        self._woken.set()

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no test clock is advancing; say whether that came true in time."""
        end = time.monotonic() + timeout
        while self._advancing():
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    def _advancing(self) -> list[Resource]:
        with self._account.lock:
            return [found for found in self._account.all(KIND) if found["status"] == "advancing"]

    def _run(self) -> None:
        next_tick = 0.0
        while not self._stopping:
            for test_clock in self._advancing():
                self._advance(test_clock)
            if time.monotonic() >= next_tick:
                self._live(self._account.now())
                next_tick = time.monotonic() + TICK
            self._woken.wait(max(0.0, next_tick - time.monotonic()))
            self._woken.clear()

    def _advance(self, test_clock: Resource) -> None:
        while not self._stopping and self._do_next(test_clock["id"], test_clock["_target"]):
            pass
        if self._stopping:
            return
        with self._account.atomic() as transaction:
            if self._account.get(KIND, test_clock["id"]):
                self._account.edit(test_clock)["frozen_time"] = test_clock.pop("_target")
                test_clock.update(status="ready", status_details={})
                self._account.emit(f"{KIND}.ready", test_clock)
        self._announce(transaction)

    def _live(self, now: int) -> None:
        while not self._stopping and self._do_next(None, now):
            pass

    def _do_next(self, test_clock: str | None, until: int) -> bool:
        """Do the earliest step that is due by then; say whether there was one."""
        with self._account.atomic() as transaction:
            step = next_step(self._account, test_clock, until)
            if step is None:
                return False
            self._move(test_clock, step)
            step.act(self._account, step.about)
        self._announce(transaction)
        return True

    def _move(self, test_clock: str | None, step: Step) -> None:
        if moved := self._account.get(KIND, test_clock):
            self._account.edit(moved)["frozen_time"] = max(moved["frozen_time"], step.at)
