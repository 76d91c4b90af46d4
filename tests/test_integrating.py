"""Does docs/integrating.md tell the truth? Its commands are run as they stand there."""

import os
import re
import shutil
import subprocess
from urllib.parse import urlsplit

import pytest
from flask import Flask

from billing.emulator import Emulator
from billing.identity import service_keys
from billing.identity.service_keys import Scope
from tests.support.source import ROOT

TEXT = (ROOT / "docs" / "integrating.md").read_text()


@pytest.mark.usefixtures("shop")
def test_the_commands_do_what_they_say(service: str, emulator: Emulator) -> None:
    _, key = service_keys.create("shop", [Scope.USERS, Scope.ACCESS, Scope.USAGE])
    commands = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))
    script = commands.replace("http://127.0.0.1:5000", service)
    bash = shutil.which("bash")
    assert bash is not None

    ended = subprocess.run(  # noqa: S603 - what runs is our own page
        [bash, "-eu", "-c", script],
        env={**os.environ, "KEY": key},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ended.stdout.split() == ["active", "pro", "free", "True"], ended.stderr


def test_every_file_that_is_named_is_there() -> None:
    named = re.findall(r"\]\(([^)#]+)\)", TEXT)

    assert [one for one in named if not (ROOT / "docs" / one).exists()] == []
    assert len(named) > 4


def test_every_address_that_is_named_is_there(app: Flask) -> None:
    served = app.url_map.bind("127.0.0.1")
    named = re.findall(r"`(/[\w/{}?=&.-]*)`", TEXT)

    for address in named:
        path = urlsplit(re.sub(r"\{\w+\}", "any", address)).path
        assert served.allowed_methods(path), address
    assert len(named) > 5
