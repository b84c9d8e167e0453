"""Weights files in tests: their tensors, and whether these are equal."""

import torch
from safetensors import safe_open


def read_tensors(path):
    """The tensors of a weights file by name, and its metadata."""
    with safe_open(str(path), "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


def are_tensors_equal(tensors, others):
    return tensors.keys() == others.keys() and all(
        torch.equal(tensor, others[name]) for name, tensor in tensors.items()
    )
