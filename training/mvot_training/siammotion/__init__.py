"""The stage ``siammotion`` of ``mvot-train``."""
