"""Subscriptions: who has bought what, until when."""
