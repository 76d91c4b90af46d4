"""What is sold: plans.toml, the plan tables, and what Stripe must offer for them."""
