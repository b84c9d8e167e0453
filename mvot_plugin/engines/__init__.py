"""Motion engines by name: `load_engine`."""

from importlib import import_module
from typing import Any

from mvot_plugin.engines.base import Motion, MotionEngine, Targets
from mvot_plugin.engines.table import ENGINES
from mvot_plugin.errors import UsageError, unknown_name
from mvot_plugin.registry import build_registered, registered_names
from mvot_plugin.threads import check_threads

__all__ = [
    "Motion",
    "MotionEngine",
    "Targets",
    "describe_engines",
    "engine_names",
    "load_engine",
]

_GROUP = "mvot_plugin.engines"
_LOADER = "mvot_plugin.engines.loading:load_network_engine"
_PRECISIONS = ("auto", "fp32", "bf16", "fp16")
_RUNTIMES = ("auto", "onnx", "torch")


def engine_names() -> tuple[str, ...]:
    """Every engine there is.

    Returns:
        The names of ours, and of those that other packages register as entry points, sorted.

    Examples:
        >>> from mvot_plugin import engine_names
        >>> engine_names()[:3]
        ('hold', 'imsiam', 'kalman')
    """
    return tuple(sorted({*ENGINES, *registered_names(_GROUP)}))


def describe_engines() -> dict[str, str]:
    """What each of ``engine_names()`` is for.

    Returns:
        One line each, by name.

    Examples:
        >>> from mvot_plugin.engines import describe_engines
        >>> describe_engines()["lk-flow"]
        'sparse Lucas-Kanade optical flow on all targets in one call'
    """
    purposes = dict.fromkeys(engine_names(), "added by another package")
    return purposes | {name: entry.purpose for name, entry in ENGINES.items()}


def load_engine(
    name: str,
    weights: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    *,
    runtime: str = "auto",
    threads: int | None = None,
) -> MotionEngine[Any, Any]:
    """The motion engine called ``name``.

    Other packages add engines through the entry point group ``mvot_plugin.engines``: a callable
    that takes ``weights``, ``device`` and ``precision`` by keyword and returns a ``MotionEngine``.

    Args:
        name: one of ``engine_names()``.
        weights: a file, or a folder of graphs; "auto" for the engine's own; "random" for an
            untrained network, to try or to time it. Engines without a network take only "auto".
        device: "auto", "cpu", "cuda", "cuda:1", ...; engines without a network run on the CPU.
        precision: "auto", "fp32", "bf16" or "fp16".
        runtime: what runs the network: "onnx" (exported graphs, on the CPU, without torch),
            "torch", or "auto": graphs on a CPU where the engine has them, torch otherwise.
        threads: the most threads that graphs may use; None is as many as the process may. Torch
            and OpenCV have settings of their own, for the whole process.

    Returns:
        The engine. Where its network runs on random weights, it comes with an ``UntrainedWeights``
        warning.

    Raises:
        UsageError: for a name or an option that does not exist (it names the nearest), and for an
            engine that needs torch where that is not installed.
        InputError: for weights that cannot be read or do not fit, and for an engine of another
            package that does not work.

    Examples:
        >>> import numpy as np
        >>> from mvot_plugin import load_engine
        >>> engine, image = load_engine("lk-flow"), np.zeros((240, 320, 3), np.uint8)
        >>> boxes = np.array([[10, 20, 50, 80]], np.float32)
        >>> targets = engine.enroll(engine.observe(image), boxes)
        >>> targets, motion = engine.track(engine.observe(image), targets)
        >>> motion.boxes.shape, motion.scores.shape
        ((1, 4), (1,))
    """
    if precision not in _PRECISIONS:
        raise unknown_name("precision", precision, _PRECISIONS)
    if runtime not in _RUNTIMES:
        raise unknown_name("runtime", runtime, _RUNTIMES)
    check_threads(threads)
    entry = ENGINES.get(name)
    options = {"weights": weights, "device": device, "precision": precision}
    if entry is not None and (entry.network is not None or entry.loader):
        module, _, function = (entry.loader or _LOADER).partition(":")
        load = getattr(import_module(module), function)
        return load(name, runtime=runtime, threads=threads, **options)  # type: ignore[no-any-return]
    if entry is not None:
        if weights != "auto":
            raise UsageError(f"engine {name!r} has no weights; leave weights at 'auto'")
        return getattr(import_module(entry.module), entry.name)(**entry.options)  # type: ignore[no-any-return]
    if name in registered_names(_GROUP):
        return build_registered(_GROUP, name, **options)  # type: ignore[no-any-return]
    raise unknown_name("engine", name, engine_names())
