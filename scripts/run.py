"""What does `make run` start? The service and, unless told of a real Stripe, the emulator."""

import argparse
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from children import HOST, ROOT, Children, Failure, Stopped

STRIPE = ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET")
GUNICORN = ("gunicorn", "--threads", "8", "--log-level", "warning")

WELCOME = """
  service   http://{host}:{port}          the API, described at /docs
  Stripe    {stripe}
  data      {instance}

Try it, in another terminal. Sign up, and keep the token:

  TOKEN=$(curl -s http://{host}:{port}/v1/auth/register -H 'Content-Type: application/json' \\
    -d '{{"email": "{email}", "password": "{password}"}}' \\
    | sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/')

Ask for a link to buy Pro; open its "url" in a browser and pay:

  curl -s http://{host}:{port}/v1/subscription/checkout -H "Authorization: Bearer $TOKEN" \\
    -H 'Content-Type: application/json' -d '{{"plan": "pro", "interval": "month"}}'

See the plan change from free to pro, once the signed webhook has come:

  curl -s http://{host}:{port}/v1/subscription/me -H "Authorization: Bearer $TOKEN"

Ctrl-C stops everything; the data stays.
"""


def main() -> int:
    """Set up what is missing, start everything, and stay until it is stopped."""
    instance, port = arguments()
    keep_private(instance)
    try:
        env = environment(instance, port)
        children = Children(env, instance)
        try:
            run(children, env, instance, port)
        finally:
            children.stop()
    except Stopped:
        print("\nStopped.")
    except Failure as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    return 0


def keep_private(instance: Path) -> None:
    """Make the folder and everything in it readable by its owner alone, now and later."""
    os.umask(0o077)
    instance.mkdir(parents=True, exist_ok=True)
    instance.chmod(0o700)
    for path in instance.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)


def run(children: Children, env: Mapping[str, str], instance: Path, port: int) -> None:
    """Start everything in order and watch over it."""
    emulated = env["STRIPE_API_BASE"] == emulator_url(port)
    for taken in [port, port + 1] if emulated else [port]:
        refuse_taken(taken)
    print("Starting ...", flush=True)
    if emulated:
        hook = f"http://{HOST}:{port}/webhooks/stripe"
        state = str(instance / "emulator.db")
        emulator = ("--port", str(port + 1), "--state", state, "--webhook", hook)
        children.start("emulator", "flask", "billing", "emulator", *emulator)
    children.run("flask", "db", "upgrade")
    children.run("flask", "billing", "seed-plans")
    if emulated:
        children.wait_for(port + 1, "/")
    bound = ("--bind", f"{HOST}:{port}", "--pid", str(instance / "service.pid"))
    children.start("service", *GUNICORN, *bound, "wsgi:app")
    step = "apply" if emulated else "check"
    print(children.run("flask", "billing", "catalog", step, must=False), flush=True)
    children.wait_for(port, "/readyz")
    (instance / "service.pid").chmod(0o600)  # gunicorn opens it to everybody
    print(welcome(env, instance, port), flush=True)
    while True:
        children.rest(0.3)


def environment(instance: Path, port: int) -> dict[str, str]:
    """Put together what the programs are told: ours first, then what the shell says."""
    real = [name for name in STRIPE if os.environ.get(name)]
    if len(real) == 1:
        raise Failure(f"For a real Stripe set both {' and '.join(STRIPE)}; {real[0]} alone is set.")
    ours = {
        "DATABASE_URL": f"sqlite:///{instance / 'billing.db'}",
        "APP_URL": f"http://{HOST}:{port}",
        **development_secrets(instance / "dev.env"),
    }
    if not real:
        ours["STRIPE_API_BASE"] = emulator_url(port)
    told = {name: value for name, value in os.environ.items() if value}
    together = {"STRIPE_API_BASE": "https://api.stripe.com", **ours, **told}
    return {**together, "PYTHONUNBUFFERED": "1", "WEB_CONCURRENCY": "1"}


def development_secrets(file: Path) -> dict[str, str]:
    """Read the secrets of this checkout; make them the first time."""
    if not file.exists():
        made = {
            "JWT_SECRET": secrets.token_urlsafe(48),
            "STRIPE_SECRET_KEY": f"sk_test_{secrets.token_hex(16)}",
            "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
        }
        text = "".join(f"{name}={value}\n" for name, value in made.items())
        with open(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as new:
            new.write(text)
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)


def welcome(env: Mapping[str, str], instance: Path, port: int) -> str:
    """Say what is where and what to try."""
    emulated = env["STRIPE_API_BASE"] == emulator_url(port)
    return WELCOME.format(
        host=HOST,
        port=port,
        stripe=f"{emulator_url(port)}  (the emulator)" if emulated else env["STRIPE_API_BASE"],
        instance=instance,
        email=f"you-{secrets.token_hex(3)}@example.com",
        password=secrets.token_urlsafe(12),
    )


def arguments() -> tuple[Path, int]:
    """Read where the data lies and which port is wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instance", type=Path, default=ROOT / "instance", help="its data")
    parser.add_argument("--port", type=int, default=os.environ.get("PORT") or 5000)
    told = parser.parse_args()
    if not 1 <= told.port <= 65534:
        parser.error("PORT must lie between 1 and 65534")
    return told.instance.resolve(), told.port


def refuse_taken(port: int) -> None:
    """Raise Failure if somebody listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise Failure(
                f"Port {port} is taken (or not ours to use). Choose another: make run PORT=5100"
            ) from None


def emulator_url(port: int) -> str:
    """The emulator is the service's neighbour."""
    return f"http://{HOST}:{port + 1}"


if __name__ == "__main__":
    sys.exit(main())
