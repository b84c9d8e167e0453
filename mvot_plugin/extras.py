"""What only an extra installs, and the hardware that needs it."""

import ctypes
import re
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from mvot_plugin.errors import UsageError

__all__ = ["has_cuda_driver", "has_torch", "is_cpu", "require_module", "require_torch"]


def require_module(module: str, who: str, extra: str) -> Any:
    """Import a module that ``who`` needs, and that is not of the package's own dependencies.

    Raises ``UsageError`` where it is missing; the message names ``who``, and the ``extra`` that
    installs it.
    """
    package = module.partition(".")[0]
    try:
        return import_module(module)
    except ImportError as error:
        is_missing = isinstance(error, ModuleNotFoundError) and error.name in (package, module)
        reason = "" if is_missing else f" ({error})"
        raise UsageError(
            f"{who} needs {package}{reason}: pip install 'mvot-plugin[{extra}]'"
        ) from error


def require_torch(who: str, extra: str = "torch") -> None:
    """Import torch, which ``who`` needs, as ``require_module`` does."""
    require_module("torch", who, extra)


def has_torch() -> bool:
    """Whether torch is installed; it is not imported."""
    try:
        return find_spec("torch") is not None
    except (ImportError, ValueError):
        return False


def is_cpu(device: str) -> bool:
    """Whether a device by its name is the processor."""
    return re.fullmatch("cpu(:[0-9]+)?", device) is not None


def has_cuda_driver() -> bool:
    """Whether this machine has NVIDIA's driver; torch is not imported."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
