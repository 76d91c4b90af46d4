"""How do parameters change an object?"""

from billing.emulator.account import Resource
from billing.emulator.routes import Params


def apply(stored: Resource, params: Params) -> None:
    """Write parameters over an object: metadata by key, an empty text clears."""
    for name, value in params.items():
        if name == "metadata":
            stored["metadata"] = merged(stored["metadata"], value)
        else:
            stored[name] = None if value == "" else value


def merged(metadata: dict[str, str], changes: dict[str, str] | str) -> dict[str, str]:
    """Change metadata key by key; an empty value removes the key, an empty text all."""
    if isinstance(changes, str):
        return {}
    return {key: value for key, value in {**metadata, **changes}.items() if value != ""}
