"""When are two e-mail addresses the same, and is this one at all?"""

import unicodedata

from marshmallow import ValidationError
from marshmallow.validate import Email

from billing.errors import Invalid

MAX_LENGTH = 254

well_formed = Email()


def normalised(text: str) -> str:
    """Write the address in the one form in which it is kept and compared."""
    return unicodedata.normalize("NFC", text.strip()).casefold()


def checked(text: str) -> str:
    """Normalise the address. Raises Invalid for what is not one."""
    email = normalised(text)
    if len(email) > MAX_LENGTH:
        raise _refused(f"Longer than {MAX_LENGTH} characters.")
    try:
        well_formed(email)
    except ValidationError:
        raise _refused(Email.default_message) from None
    return email


def _refused(reason: str) -> Invalid:
    return Invalid("The e-mail address cannot be used.", errors={"email": [reason]})
