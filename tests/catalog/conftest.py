from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from billing import create_app
from billing.database import Base, db
from config import Config


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        database_url=f"sqlite:///{tmp_path / 'billing.db'}",
        stripe_secret_key="sk_test_1234567890",
        stripe_webhook_secrets=("whsec_1234567890123456",),
        jwt_secret="abcdefghijklmnopqrstuvwxyz0123456789",
    )


@pytest.fixture
def app(config: Config) -> Iterator[Flask]:
    app = create_app(config)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        yield app
        db.session.remove()
        db.engine.dispose()
