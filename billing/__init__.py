"""The billing service between Stripe and a product."""

from werkzeug.middleware.proxy_fix import ProxyFix

from billing import api, commands, database, errors, identity, logs, models, pages, settings
from billing.api import cross_origin, headers, limits
from billing.database import db
from billing.extensions import migrate
from billing.identity import browsers
from billing.service import Service
from billing.stripe_api import gateway
from billing.stripe_sync import handlers
from billing.stripe_sync.webhook import webhooks
from billing.web import text
from config import Config

__all__ = ["create_app", "handlers", "models"]


def create_app(config: Config) -> Service:
    """Wire the service. The order of the lines is the order of a request."""
    logs.init(config.log_level)
    app = Service(__name__, title="Billing", version="1", docs_path=None, spec_path=None)
    app.config["SQLALCHEMY_DATABASE_URI"] = config.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = database.engine_options(config.database_url)
    if config.trusted_proxies:
        hops = config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, hops, hops, hops)  # type: ignore[method-assign] # Flask's documented way
    settings.init_app(app, config)
    db.init_app(app)
    migrate.init_app(app, db)
    gateway.init_app(app)
    errors.init_app(app)
    headers.init_app(app)
    cross_origin.init_app(app)
    identity.init_app(app, config.outside_issuer)
    browsers.init_app(app)
    text.init_app(app)
    limits.init_app(app, config)
    api.init_app(app)
    app.register_blueprint(pages.pages)
    app.register_events(webhooks)
    commands.init_app(app)
    return app
