"""The stage ``siamese`` of ``mvot-train``."""
