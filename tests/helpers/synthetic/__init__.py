"""Frames of scenes for the tests, rendered once, and without the checks that take as long again."""

from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from jaxtyping import config

from mvot_plugin.types import Frame
from mvot_synthetic import Scene

__all__ = ["render", "without_shape_checks"]

_RENDERED: WeakKeyDictionary[Scene, list[Frame]] = WeakKeyDictionary()


@contextmanager
def without_shape_checks() -> Iterator[None]:
    """No shape of an array is checked while a ``with`` lasts; ``tests/synthetic`` checks all."""
    config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        config.update("jaxtyping_disable", False)


def render(scene: Scene) -> list[Frame]:
    """All frames of a scene; nobody may change their images."""
    if scene not in _RENDERED:
        with without_shape_checks():
            _RENDERED[scene] = list(scene)
    return list(_RENDERED[scene])
