"""A product in a process of its own: it signs its users in at the billing service, and sells.

With `make run` going (start it with ALLOWED_RETURN_ORIGINS=http://127.0.0.1:5050), in another
terminal at the project's root:

    .venv/bin/flask --app examples.shop_app run --port 5050

Then open http://127.0.0.1:5050 and sign in with an account that was registered at the service.
"""

from pathlib import Path
from typing import Any

import requests
from flask import Flask, Response, request, send_from_directory
from flask.typing import ResponseReturnValue

FILES = Path(__file__).parent / "shop"
SECONDS = 15


def create_app(billing: str = "http://127.0.0.1:5000") -> Flask:
    """Make the product. `billing` is where the service is."""
    app = Flask(__name__)

    @app.get("/")
    def show() -> Response:
        """Send the one page, and tell its script where the service is."""
        response = send_from_directory(FILES, "index.html")
        response.set_cookie("billing", billing, samesite="Lax")
        response.headers["Content-Security-Policy"] = (
            f"default-src 'self'; script-src 'self' {billing}; connect-src 'self' {billing}"
        )
        return response

    @app.get("/shop.js")
    def script() -> Response:
        """Send the page's script."""
        return send_from_directory(FILES, "shop.js")

    @app.post("/signin")
    def sign_in() -> ResponseReturnValue:
        """Exchange address and password for a token that the page may use."""
        return passed_on(
            requests.post(f"{billing}/v1/auth/login", json=request.json, timeout=SECONDS)
        )

    @app.post("/upgrade")
    def upgrade() -> ResponseReturnValue:
        """Open a checkout for whoever holds the token; it leads back to this page."""
        wanted = {"plan": "pro", "success_url": request.host_url, "cancel_url": request.host_url}
        token = {"Authorization": request.headers.get("Authorization", "")}
        address = f"{billing}/v1/subscription/checkout"
        return passed_on(requests.post(address, json=wanted, headers=token, timeout=SECONDS))

    return app


def passed_on(answer: requests.Response) -> tuple[Any, int]:
    """Answer as the service did: its errors say what to do."""
    return answer.json(), answer.status_code


if __name__ == "__main__":
    print(__doc__)
