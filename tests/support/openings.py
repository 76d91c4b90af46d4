"""How is a shop open at once? It is opened for real once a process; later tests get a copy."""

import copy
from dataclasses import dataclass
from typing import Any

from billing.catalog import apply, plans, seed
from billing.database import transaction
from billing.emulator import Emulator
from config import Config
from tests.support import tables


@dataclass(frozen=True)
class Opening:
    """What there is when every plan is for sale and nobody has come yet: here, and at Stripe.

    What was told of the opening, in events and changes, is long past.
    """

    rows: tables.Rows
    objects: list[dict[str, Any]]

    def repeat(self, emulator: Emulator) -> None:
        """Put it into the database, in place of what is there, and into an empty account."""
        tables.restore(self.rows)
        with emulator.account.atomic():
            for held in self.objects:
                emulator.account.add(copy.deepcopy(held))


def open_shop(config: Config, emulator: Emulator) -> Opening:
    """Seed the plans and apply the catalogue, in the application's context."""
    with transaction():
        seed.seed(plans.load(), config.default_currency)
    apply.apply(plans.load())
    account = emulator.account
    rows = {table: rows for table, rows in tables.remember().items() if table.name != "changes"}
    kinds = [kind for kind in account.kinds() if kind != "event"]
    return Opening(rows, [one for kind in kinds for one in account.all(kind)])
