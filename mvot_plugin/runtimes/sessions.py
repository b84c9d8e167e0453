"""Sessions of ONNX Runtime that share their memory.

By default each session has an arena of its own, which holds the most that the session ever needed;
and each plans its memory anew for every shape of its arguments, and keeps all the plans. An engine
has several sessions of which few run at once, and its shapes change with the targets: shared and
unplanned, version 0.1's siammotion-n took half the memory, and one or two percent more time.
"""

from contextlib import suppress
from functools import cache

import onnxruntime as ort

__all__ = ["create_session"]

_SILENT = 4


def create_session(model: str | bytes, threads: int) -> ort.InferenceSession:
    """A session on the CPU whose threads sleep while they have nothing to do.

    Args:
        model: The path of an ONNX file, or the bytes of one.
        threads: How many threads it uses.
    """
    _register_arena()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _SILENT
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers = ["CPUExecutionProvider"]
    return ort.InferenceSession(model, options, providers=providers, enable_fallback=0)


@cache
def _register_arena() -> None:
    """Make the arena, which lives as long as the process; another package's does as well."""
    kind, use = ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, ort.OrtMemType.DEFAULT
    with suppress(RuntimeError):
        ort.create_and_register_allocator(ort.OrtMemoryInfo("Cpu", kind, 0, use), None)
