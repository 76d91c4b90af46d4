"""The service, as a WSGI server runs it, and as `flask` commands find it."""

import click

from billing import create_app
from billing.operations import serving
from config import BadSetting, Config

try:
    app = create_app(Config.from_env())
    if click.get_current_context(silent=True) is None:  # a command is no server: it sweeps nothing
        serving.begin(app)
except BadSetting as fault:
    raise click.ClickException(str(fault)) from None  # one clear line from `flask`, not a traceback
