"""What do we ask Stripe to sell? Checkouts and changes; the truth comes back by a refresh."""
