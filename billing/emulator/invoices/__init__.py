"""Invoices: what is owed, what was paid."""
