"""How is the emulator run? One object: serve, listen, disturb, stop."""

from pathlib import Path

from billing.emulator.account import Account, Resource
from billing.emulator.api import Api, Received
from billing.emulator.delivery import Deliveries
from billing.emulator.faults import Faults
from billing.emulator.server import Server
from billing.emulator.signing import signed
from billing.emulator.site import create_site
from billing.emulator.timekeeper import Timekeeper
from billing.emulator.transaction import Transaction
from billing.emulator.webhook_endpoints import register_endpoint


class Emulator:
    """A Stripe account of its own on 127.0.0.1, in memory or, with a state file, lasting."""

    def __init__(self, state_file: Path | None = None) -> None:
        self.account = Account(state_file)
        self.url = ""
        self._deliveries = Deliveries(self.account, (1, 5, 30, 120, 600))
        self._timekeeper = Timekeeper(self.account, self._announce)
        self._api = Api(self.account, self._announce)
        self._server: Server | None = None

    def serve(self, port: int = 0) -> str:
        """Start the server, the deliveries and the clockwork; return the base URL."""
        site = create_site(self.account, self._api, self._deliveries, self._announce)
        self._server = Server(site, port)
        self.url = self.account.url = f"http://127.0.0.1:{self._server.server_port}"
        self._server.start()
        self._deliveries.start()
        self._timekeeper.start()
        return self.url

    def stop(self) -> None:
        """End every thread and let go of the port and the state file."""
        if self._server:
            self._server.stop()
        self._timekeeper.stop()
        self._deliveries.stop()
        self.account.close()

    def add_webhook(
        self,
        url: str,
        secret: str | None = None,
        enabled_events: tuple[str, ...] = ("*",),
        api_version: str | None = None,
    ) -> Resource:
        """Register an endpoint, or change the one of this URL; the answer holds the secret."""
        with self.account.atomic():
            return register_endpoint(self.account, url, secret, enabled_events, api_version)

    @property
    def faults(self) -> Faults:
        """What is to go wrong; set its attributes."""
        return self.account.faults

    @property
    def requests(self) -> list[Received]:
        """The API requests received, newest last: (method, path, params, headers, status)."""
        return list(self._api.received)

    @property
    def retry_delays(self) -> tuple[float, ...]:
        """Seconds between the attempts of one delivery."""
        return self._deliveries.retry_delays

    @retry_delays.setter
    def retry_delays(self, delays: tuple[float, ...]) -> None:
        self._deliveries.retry_delays = delays

    @property
    def dunning_end(self) -> str:
        """What becomes of a subscription after the last retry: canceled, unpaid or past_due."""
        return self.account.settings.dunning_end

    @dunning_end.setter
    def dunning_end(self, status: str) -> None:
        self.account.settings.dunning_end = status

    def wait_idle(self, timeout: float = 30) -> bool:
        """Wait until no clock moves and no delivery is pending; say whether that came true."""
        return self._timekeeper.wait_idle(timeout) and self._deliveries.wait_idle(timeout)

    def release(self) -> None:
        """Send what the `hold` fault kept back, and hold no more."""
        self._deliveries.release()

    def discard(self) -> None:
        """Forget what the `hold` fault kept back; the events stay undelivered."""
        self._deliveries.discard()

    def undelivered(self) -> list[Resource]:
        """Give the events kept back by the `hold` fault, oldest first."""
        return self._deliveries.held()

    def signed(self, event: Resource, secret: str) -> tuple[bytes, dict[str, str]]:
        """Give body and headers of an event as a delivery would carry them."""
        return signed(event, secret)

    def _announce(self, transaction: Transaction) -> None:
        self._deliveries.push(transaction.deliveries)
        self._timekeeper.wake()
