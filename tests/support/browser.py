"""How does a test drive a real browser? Chromium without a screen, told what to do by a pipe.

Its DevTools protocol needs no driver and no library: https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PATIENCE = 20.0
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
]
LAUNCH = """
import os, sys
orders, answers, *command = sys.argv[1:]
os.dup2(int(orders), 3)  # where the browser reads
os.dup2(int(answers), 4)  # where it answers
os.execv(command[0], command)
"""
PRESSABLE = "button, a, summary, input[type=submit]"


class BrowserFault(Exception):
    """The browser refused an order, or did not answer."""


def program() -> str | None:
    """Find Chromium on the PATH."""
    return shutil.which("chromium")


@contextmanager
def running(chromium: str, profile: Path) -> Iterator["Browser"]:
    """Start a browser that has never been anywhere; end it afterwards."""
    orders_out, orders_in = os.pipe()
    answers_out, answers_in = os.pipe()
    child = [sys.executable, "-c", LAUNCH, str(orders_out), str(answers_in)]
    process = subprocess.Popen(
        [*child, chromium, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        pass_fds=(orders_out, answers_in),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(orders_out)
    os.close(answers_in)
    try:
        yield Browser(orders_in, answers_out)
    finally:
        os.close(orders_in)  # it ends when nobody can tell it anything
        os.close(answers_out)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
        process.kill()
        process.wait()


class Browser:
    """One tab, used as a person uses it: read, click on words, type into labelled fields."""

    def __init__(self, orders: int, answers: int) -> None:
        self._orders, self._answers = orders, answers
        self._buffer = b""
        self._last_id = 0
        self._tab: str | None = None
        target = self.order("Target.createTarget", url="about:blank")["targetId"]
        self._tab = self.order("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.order("Page.enable")

    def open(self, url: str) -> None:
        """Type an address."""
        self.run("window.isLeft = true")
        self.order("Page.navigate", url=url)
        loaded = "document.readyState === 'complete' && !window.isLeft"
        self.wait_until(lambda: self.run(loaded), f"{url} to load")

    @property
    def url(self) -> str:
        """The address of the page."""
        return str(self.run("location.href"))

    @property
    def words(self) -> str:
        """What can be read on the page."""
        return " ".join(str(self.run("document.body.innerText")).split())

    def click(self, words: str) -> None:
        """Press the button or link that says this, with the mouse."""
        place = self._place(
            f"[...document.querySelectorAll({json.dumps(PRESSABLE)})].find("
            f"one => one.checkVisibility() && one.innerText.trim() === {json.dumps(words)})",
            words,
        )
        self._press(place)

    def type(self, label: str, text: str) -> None:
        """Put text into the field of this label, in the place of what it held."""
        place = self._place(
            f"[...document.querySelectorAll('label')].find("
            f"one => one.innerText.trim() === {json.dumps(label)})?.control",
            label,
        )
        self._press(place)
        self.run("document.activeElement.select()")
        self.order("Input.insertText", text=text)

    def press(self, key: str, code: int) -> None:
        """Press a key."""
        for kind in ("rawKeyDown", "keyUp"):
            self.order("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code)

    def sees(self, words: str, *, seconds: float = PATIENCE) -> None:
        """Wait until the page says this."""
        self.wait_until(lambda: words in self.words, f"{words!r} to be seen", seconds)

    def goes_to(self, part: str) -> None:
        """Wait until the address holds this and the page is loaded."""
        loaded = "document.readyState === 'complete' && location.href"
        self.wait_until(lambda: part in str(self.run(loaded)), f"an address with {part}")

    def wait_until(self, look: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
        """Look until there is something; a page that is just being left is looked at again."""
        end = time.monotonic() + seconds
        while True:
            with suppress(BrowserFault):
                if found := look():
                    return found
            if time.monotonic() > end:
                raise AssertionError(f"waited for {what}; at {self.url}: {self.words}")
            time.sleep(0.05)

    def run(self, script: str) -> Any:
        """Ask the page itself."""
        told = self.order("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in told:
            raise BrowserFault(told["exceptionDetails"])
        return told["result"].get("value")

    def look_like(self, width: int, *, scheme: str = "light") -> None:
        """Take the width of a screen, and its colours."""
        screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        self.order("Emulation.setDeviceMetricsOverride", **screen)
        preferred = [{"name": "prefers-color-scheme", "value": scheme}]
        self.order("Emulation.setEmulatedMedia", features=preferred)

    def forbid_scripts(self) -> None:
        """Go on without JavaScript."""
        self.order("Emulation.setScriptExecutionDisabled", value=True)

    def photograph(self, path: Path) -> None:
        """Keep a picture of the whole page."""
        self.run("document.body.offsetHeight")  # lays the page out for the screen it now has
        size = self.order("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        taken = self.order("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    def order(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one order and wait for its answer."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters}
        told = message if self._tab is None else message | {"sessionId": self._tab}
        os.write(self._orders, json.dumps(told).encode() + b"\0")
        while (answer := self._read()).get("id") != self._last_id:
            pass  # events, which nobody here waits for
        if "error" in answer:
            raise BrowserFault(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], PATIENCE)
            arrived = os.read(self._answers, 1 << 20) if ready else b""
            if not arrived:
                raise BrowserFault("the browser is silent")
            self._buffer += arrived
        message, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def _place(self, finder: str, words: str) -> tuple[float, float]:
        """Wait for the thing to be loaded and painted, scroll to it, and say where its middle is.

        A click before the first paint is dropped by the browser, one on what covers it misses.
        """
        script = f"""(() => {{
            const painted = performance.getEntriesByType("paint").length;
            const found = document.readyState === "complete" && painted && {finder};
            if (!found) return null;
            found.scrollIntoView({{block: "center", behavior: "instant"}});
            const box = found.getBoundingClientRect();
            const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
            return found.contains(document.elementFromPoint(x, y)) ? [x, y] : null;
        }})()"""
        x, y = self.wait_until(lambda: self.run(script), f"{words!r} to be there")
        return x, y

    def _press(self, place: tuple[float, float]) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.order(
                "Input.dispatchMouseEvent",
                type=kind,
                x=place[0],
                y=place[1],
                button="left",
                clickCount=1,
            )
