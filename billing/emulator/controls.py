"""What may a test or a person change from outside? Faults, held deliveries, settings."""

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from billing.emulator.account import Account
from billing.emulator.delivery import Deliveries


def control_routes(account: Account, deliveries: Deliveries) -> Blueprint:
    """Make the control routes of an account; they are no part of Stripe's API."""
    controls = Blueprint("controls", __name__, url_prefix="/_emulator")

    @controls.get("/faults")
    def show_faults() -> ResponseReturnValue:
        """Show every fault."""
        return jsonify(account.faults.shown())

    @controls.post("/faults")
    def set_faults() -> ResponseReturnValue:
        """Set faults by name."""
        try:
            account.faults.change(request.get_json())
        except ValueError as unknown:
            return jsonify({"error": str(unknown)}), 422
        deliveries.reseed()
        return jsonify(account.faults.shown())

    @controls.delete("/faults")
    def clear_faults() -> ResponseReturnValue:
        """Switch every fault off."""
        account.faults.clear()
        return jsonify(account.faults.shown())

    @controls.post("/release")
    def release() -> ResponseReturnValue:
        """Send what is held back."""
        deliveries.release()
        return jsonify({"released": True})

    return controls
