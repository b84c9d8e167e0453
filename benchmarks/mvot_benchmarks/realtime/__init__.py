"""``mvot-bench rt``: tracking in real time, on a virtual clock."""
