"""Motion engines by name: `load_engine`."""

from importlib import import_module
from typing import Any

from mvot_plugin.engines.base import Motion, MotionEngine, Targets
from mvot_plugin.errors import UsageError, unknown_name
from mvot_plugin.registry import build_registered, registered_names

__all__ = ["Motion", "MotionEngine", "Targets", "engine_names", "load_engine"]

_GROUP = "mvot_plugin.engines"
_PRECISIONS = ("auto", "fp32", "bf16", "fp16")
_WEIGHTLESS = {
    "hold": ("mvot_plugin.engines.hold", "HoldEngine"),
    "kalman": ("mvot_plugin.engines.kalman", "KalmanEngine"),
    "lk-flow": ("mvot_plugin.engines.lk_flow", "LKFlowEngine"),
}
_NETWORKS = ("siamfc", "siamfc-mi", "siammotion", "siammotion-n", "siammt", "siammt-w")
"""Built by ``mvot_plugin.engines.networks``, which brings torch."""


def engine_names() -> tuple[str, ...]:
    """Every engine there is: ours, and those that other packages register as entry points."""
    return tuple(sorted({*_WEIGHTLESS, *_NETWORKS, *registered_names(_GROUP)}))


def load_engine(
    name: str, weights: str = "auto", device: str = "auto", precision: str = "auto"
) -> MotionEngine[Any, Any]:
    """The motion engine called ``name``.

    Other packages add engines through the entry point group ``mvot_plugin.engines``: a callable
    that takes ``weights``, ``device`` and ``precision`` by keyword and returns a ``MotionEngine``.

    Args:
        name: one of ``engine_names()``.
        weights: a file; "auto" for the engine's own; "random" for an untrained network, to try or
            to time it. Engines without a network take only "auto".
        device: "auto", "cpu", "cuda", "cuda:1", ...; engines without a network run on the CPU.
        precision: "auto", "fp32", "bf16" or "fp16".

    Raises:
        UsageError: for a name or an option that does not exist; it names the nearest.
    """
    if precision not in _PRECISIONS:
        raise unknown_name("precision", precision, _PRECISIONS)
    if name in _WEIGHTLESS:
        if weights != "auto":
            raise UsageError(f"engine {name!r} has no weights; leave weights at 'auto'")
        module, engine = _WEIGHTLESS[name]
        return getattr(import_module(module), engine)()  # type: ignore[no-any-return]
    if name in _NETWORKS:
        load = import_module("mvot_plugin.engines.networks").load
        return load(name, weights=weights, device=device, precision=precision)  # type: ignore[no-any-return]
    if name in registered_names(_GROUP):
        options = {"weights": weights, "device": device, "precision": precision}
        return build_registered(_GROUP, name, **options)  # type: ignore[no-any-return]
    raise unknown_name("engine", name, engine_names())
