"""``mvot-bench scaling``: cost against the number of targets."""
