"""``mvot-bench intervals``: what it is worth that the detector's interval adapts."""
