"""The Flask extensions, unbound."""

from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_migrate import Migrate

migrate = Migrate()
limiter = Limiter(get_remote_address, headers_enabled=False)
