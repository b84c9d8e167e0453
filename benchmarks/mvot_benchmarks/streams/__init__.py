"""``mvot-bench streams``: what many videos at once cost."""
