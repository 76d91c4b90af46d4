"""Every test walks a trace by which a simpler rule fails; docs/protocol.md lists them."""

import pytest
from flask import Flask

from tests.support.factories import a_plan


@pytest.fixture(autouse=True)
def pro(app: Flask) -> None:
    """The plan that payloads may show."""
    a_plan("pro")
