"""The Flask extensions, unbound."""

from flask_migrate import Migrate

migrate = Migrate()
