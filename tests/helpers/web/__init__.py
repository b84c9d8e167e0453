"""Serving, and browsing what is served."""
