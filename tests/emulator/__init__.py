"""The emulator is honest: what it answers is what Stripe would answer."""
