"""The billing service between Stripe and a product."""
