"""Another issuer of tokens: real keys, behind a real HTTP server on this machine."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from billing import clock
from config import Issuer

NAME = "https://id.example.com"
AUDIENCE = "billing"


def rsa_key() -> rsa.RSAPrivateKey:
    """Make a key for RS256."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def ec_key() -> ec.EllipticCurvePrivateKey:
    """Make a key for ES256."""
    return ec.generate_private_key(ec.SECP256R1())


def jwk(key_id: str, key: Any, **changed: Any) -> dict[str, Any]:
    """Write the public half of a key as an issuer publishes it."""
    kind: Any = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "use": "sig", **changed}


class OutsideIssuer:
    """An issuer whose answer a test may set, and which counts how often it was asked."""

    def __init__(self) -> None:
        self.key = rsa_key()
        self.status = 200
        self.asked = 0
        self.drips = False
        self.dripped = 0
        self.body = b""
        self.publish(jwk("first", self.key))

    def publish(self, *keys: Any) -> None:
        """Answer with these keys from now on."""
        self.body = json.dumps({"keys": keys}).encode()

    def token(self, key: Any = None, algorithm: str = "RS256", **changed: Any) -> str:
        """Sign a token; a change to None leaves the claim out. `kid` names the key."""
        now = clock.utc_now()
        good = {
            "iss": NAME,
            "aud": AUDIENCE,
            "sub": "auth0|first",
            "iat": now,
            "exp": now + timedelta(minutes=5),
        }
        key_id = changed.pop("kid", "first")
        claims = {name: value for name, value in (good | changed).items() if value is not None}
        signing_key = None if algorithm == "none" else key or self.key
        return jwt.encode(claims, signing_key, algorithm, {"kid": key_id} if key_id else {})


@contextmanager
def served(issuer: OutsideIssuer) -> Iterator[str]:
    """Serve the issuer's keys and yield their address."""

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            self.send_response(issuer.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(issuer.body)))
            self.end_headers()
            if not issuer.drips:
                self.wfile.write(issuer.body)
                return
            with suppress(OSError):  # whoever asked has gone
                for place in range(len(issuer.body)):
                    self.wfile.write(issuer.body[place : place + 1])
                    issuer.dripped += 1
                    time.sleep(0.02)

        def log_message(self, *told: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/keys"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def trusted(jwks_url: str, algorithm: str = "RS256") -> Issuer:
    """The settings that trust it."""
    return Issuer(jwks_url, NAME, AUDIENCE, algorithm)


def forged_with_public_key(public_pem: bytes, claims: dict[str, Any]) -> str:
    """Sign with HMAC, the issuer's public key as the secret, as an attacker would."""

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    head = part(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "first"}).encode())
    signed = f"{head}.{part(json.dumps(claims).encode())}"
    return f"{signed}.{part(hmac.new(public_pem, signed.encode(), hashlib.sha256).digest())}"
