"""A stateful stand-in for Stripe, for development, demonstrations and tests."""

from billing.emulator.emulator import Emulator

__all__ = ["Emulator"]
