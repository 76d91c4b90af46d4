"""How can a thousand fetches of one unchanging truth be fast? Ask once, answer the same after."""

import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import requests
import responses

Answer = tuple[int, dict[str, str], bytes]
PASSED_ON = ("Authorization", "Stripe-Version")


class Replay:
    """The emulator's own answers to GET, by address; `asked` are the paths, in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._answers: dict[str, Answer] = {}

    def answer(self, request: requests.PreparedRequest) -> Answer:
        """Answer as the emulator did the first time."""
        self.asked.append(request.path_url.split("?")[0])
        if request.path_url not in self._answers:
            self._answers[request.path_url] = _ask(request)
        return self._answers[request.path_url]


@contextmanager
def replayed(base: str) -> Iterator[Replay]:
    """Stand between the service and the emulator at this address."""
    replay = Replay()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as stripe_http:
        stripe_http.add_callback(responses.GET, re.compile(re.escape(base)), replay.answer)
        yield replay


def _ask(request: requests.PreparedRequest) -> Answer:
    # By another library than the one that is mocked.
    headers = {name: request.headers[name] for name in PASSED_ON}
    asked = urllib.request.Request(str(request.url), headers=headers)  # noqa: S310 - loopback
    with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310 - loopback
        return answer.status, {"Date": answer.headers["Date"]}, answer.read()
