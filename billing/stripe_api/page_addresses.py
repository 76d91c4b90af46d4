"""Addresses of pages that Stripe names: shown to customers only where they lead to Stripe."""

import re

from billing.settings import settings
from config import STRIPE_API

AT_STRIPE = re.compile(r"https://([a-z0-9-]+\.)*stripe\.com(/[^\s\\]*)?", re.ASCII)


def stripe_page(url: str | None) -> str | None:
    """Return the address of an invoice's page or file if it is https at Stripe, else None.

    Where another base of the API is configured, as for development, its own pages count too.
    """
    base = settings().stripe_api_base
    if url is None or AT_STRIPE.fullmatch(url):
        return url
    return url if base != STRIPE_API and url.startswith(f"{base}/") else None
