"""What may a test or a person change from outside? Faults, held deliveries, settings."""

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from billing.emulator.account import Account
from billing.emulator.acting import Announce, acting
from billing.emulator.delivery import Deliveries
from billing.emulator.disputes import move_dispute, open_dispute, warn_of_fraud
from billing.emulator.errors import ApiError


def control_routes(account: Account, deliveries: Deliveries, announce: Announce) -> Blueprint:
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

    @controls.post("/disputes")
    def dispute() -> ResponseReturnValue:
        """Open a dispute of a charge: {charge, status}."""
        told = request.get_json()
        with acting(account, announce):
            charge = account.find("charge", told["charge"])
            opened = open_dispute(account, charge, told.get("status", "needs_response"))
        return jsonify(account.view(opened)), 201

    @controls.post("/disputes/<id>")
    def decide(id: str) -> ResponseReturnValue:
        """Move or end a dispute: {status}."""
        with acting(account, announce):
            moved = move_dispute(account, account.find("dispute", id), request.get_json()["status"])
        return jsonify(account.view(moved))

    @controls.post("/early_fraud_warnings")
    def warn() -> ResponseReturnValue:
        """Warn of fraud in a charge: {charge}."""
        with acting(account, announce):
            warning = warn_of_fraud(account, account.find("charge", request.get_json()["charge"]))
        return jsonify(account.view(warning)), 201

    @controls.errorhandler(ApiError)
    def refuse(refusal: ApiError) -> ResponseReturnValue:
        """Say why not."""
        return jsonify(refusal.body("")), refusal.status

    return controls
