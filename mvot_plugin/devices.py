"""Where a network runs, and in which precision."""

import torch

from mvot_plugin.errors import UsageError

__all__ = ["choose_device", "choose_dtype"]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(device: str) -> torch.device:
    """The torch device of this name; "auto" is the first GPU, or else the CPU.

    Raises ``UsageError`` for a device that torch does not know or this machine does not have.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        reason = str(error).splitlines()[0].split(". ")[0]
        raise UsageError(f"device {device!r} cannot be used: {reason}; try cpu or auto") from error
    return chosen


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The dtype of a precision; "auto" is the fastest that ``device`` computes natively."""
    if precision != "auto":
        return DTYPES[precision]
    if device.type == "cuda":
        return torch.float16
    native = torch.cpu.get_capabilities()
    halves = native.get("avx512_bf16", False) or native.get("amx_bf16", False)
    return torch.bfloat16 if device.type == "cpu" and halves else torch.float32
