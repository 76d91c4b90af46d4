"""`flask billing` offers every command there is."""

import pkgutil

import click
from flask import Flask
from flask.testing import FlaskCliRunner

from billing import commands


def test_every_module_of_commands_is_listed() -> None:
    modules = {module.name for module in pkgutil.iter_modules(commands.__path__)}

    listed = {_defined_in(command) for command in commands.COMMANDS}

    assert listed == modules


def test_the_help_names_every_command(app: Flask) -> None:
    result = FlaskCliRunner(app).invoke(args=["billing", "--help"])

    assert result.exit_code == 0
    assert [one.name for one in commands.COMMANDS if f"{one.name} " not in result.output] == []


def _defined_in(command: click.Command) -> str:
    """The module of a command, or of the commands in a group."""
    one = next(iter(command.commands.values())) if isinstance(command, click.Group) else command
    assert one.callback is not None
    return one.callback.__module__.rpartition(".")[2]
