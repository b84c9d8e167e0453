"""The exported API: what the packages say that others may import."""

import inspect
from importlib import import_module

__all__ = ["find_exported", "is_ours", "resolve"]

MODULES = (
    "mvot_plugin",
    "mvot_plugin.engines",
    "mvot_plugin.detectors",
    "mvot_plugin.embedders",
    "mvot_plugin.types",
    "mvot_plugin.errors",
    "mvot_pipelines",
    "mvot_pipelines.scheduling",
    "mvot_pipelines.sources",
    "mvot_pipelines.sinks",
    "mvot_pipelines.sinks.publish",
    "mvot_synthetic",
    "mvot_benchmarks.datasets",
)
OTHERS = ("mvot_pipelines.sinks.overlay.Painter", "mvot_pipelines.counting.Count")
"""Further names that the reference shows."""


def is_ours(value):
    return getattr(value, "__module__", "").startswith("mvot_")


def find_exported():
    """Each exported function and class once, by the first name that exports it."""
    names = [f"{module}.{name}" for module in MODULES for name in import_module(module).__all__]
    found = {}
    for name in (*names, *OTHERS):
        value = resolve(name)
        if is_ours(value) and (inspect.isclass(value) or inspect.isfunction(value)):
            found.setdefault(value, name)
    return {name: value for value, name in found.items()}


def resolve(path):
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)
