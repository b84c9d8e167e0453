"""The stages ``siamfc`` and ``siammt`` of ``mvot-train``."""
