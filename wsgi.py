"""The service, as a WSGI server runs it."""

from billing import create_app
from billing.stripe_sync import sweep
from config import Config

app = create_app(Config.from_env())
sweeper = sweep.start(app)
