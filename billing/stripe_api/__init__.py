"""Everything that knows Stripe's shapes: signed bytes in, calls out, frozen snapshots between."""
