"""The stage ``light`` of ``mvot-train``."""
