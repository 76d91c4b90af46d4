"""Checkout: sessions that sell, and the page on which to pay."""
