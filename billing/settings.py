"""How was this process configured? The one way for code to reach the configuration."""

from typing import cast

from flask import Flask, current_app

from config import Config

EXTENSION = "billing_config"


def init_app(app: Flask, config: Config) -> None:
    """Attach the configuration to the application."""
    app.extensions[EXTENSION] = config


def settings() -> Config:
    """Return the configuration of the running application."""
    return cast(Config, current_app.extensions[EXTENSION])
