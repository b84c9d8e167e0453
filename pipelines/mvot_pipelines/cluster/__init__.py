"""Tracking on many machines with Ray: long recordings in pieces, and many streams, on workers."""
