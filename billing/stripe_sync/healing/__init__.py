"""Where do we differ from Stripe, although every event was followed? Found, told, mended."""
