"""The stage ``nanotrack`` of ``mvot-train``."""
