"""Operators on torch tensors: those of networks, and of what is trained."""
