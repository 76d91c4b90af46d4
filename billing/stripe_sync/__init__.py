"""From Stripe's events to our rows: receive, keep, dispatch, refresh, store; and sweep."""
