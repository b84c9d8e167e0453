"""The device and the precision that a network runs in."""

import time
from collections.abc import Callable

import torch

from mvot_plugin.errors import UsageError, format_value

__all__ = ["choose_device", "choose_dtype", "device_clock"]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(device: str) -> torch.device:
    """The torch device of this name; "auto" is the first GPU, or else the CPU.

    Raises:
        UsageError: Torch does not know the device, or this machine does not have it.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.ones(1, device=chosen).item()
    except (RuntimeError, AssertionError, ImportError, OverflowError, ValueError) as error:
        reason = str(error).partition("\n")[0].partition(". ")[0]
        name = format_value(device)
        raise UsageError(f"device {name} cannot be used: {reason}; try cpu or auto") from error
    return chosen


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The dtype of a precision; "auto" is the fastest that ``device`` supports natively."""
    if precision != "auto":
        return DTYPES[precision]
    if device.type == "cuda":
        return torch.float16
    capabilities = torch.cpu.get_capabilities()
    has_bf16 = capabilities.get("avx512_bf16", False) or capabilities.get("amx_bf16", False)
    return torch.bfloat16 if device.type == "cpu" and has_bf16 else torch.float32


def device_clock(device: torch.device) -> Callable[[], float]:
    """A clock in seconds that, on a GPU, waits for the device's work before each reading."""
    if device.type != "cuda":
        return time.perf_counter

    def read() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()

    return read
