"""The stage ``detector`` of ``mvot-train``: trains the packaged detector."""
