"""Who answers for Stripe? One process that knows customers with one subscription each."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import parse_qs, urlsplit

from bench.events import Template


def serve(port: int, known: Template) -> None:
    """Answer what a refresh asks, until killed; every answer shows a new quantity."""
    quantities = count(1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            content = self.answer(address.path, parse_qs(address.query)).encode()
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def answer(self, path: str, query: dict[str, list[str]]) -> str:
            kind, _, one = path.removeprefix("/v1/").partition("/")
            if kind == "subscriptions":
                held = known.subscription_of(query["customer"][0], next(quantities))
                return f'{{"object": "list", "has_more": false, "data": [{held}]}}'
            return {"customers": known.customer_of(one), "products": known.product}.get(kind, "")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), Template(**json.loads(sys.stdin.read())))
