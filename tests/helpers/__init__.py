"""Helpers of several tests: small networks, data written to disk, reference implementations."""
