"""What is a call to Stripe for? Its key derives from that, so that a repeat is no second call."""

from hashlib import sha256


def key_of(verb: str, *facts: object) -> str:
    """Name an intent by what is wanted and the state it starts from. Stripe takes 255 letters."""
    return f"{verb}:{sha256(repr(facts).encode()).hexdigest()}"
