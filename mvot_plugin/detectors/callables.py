"""Callables that take a frame or an image, as detectors."""

import inspect
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Literal, TypeAlias, cast

from mvot_plugin.detectors.base import Detector
from mvot_plugin.detectors.conversion import as_detections
from mvot_plugin.errors import GuessedInput
from mvot_plugin.types import Detections, Frame

__all__ = ["CallableDetector", "adapt_callable", "find_input"]

Input: TypeAlias = Literal["frame", "image"]

_IMAGES = {"ndarray", "NDArray", "MatLike"}
"""What annotations call an image: numpy's, with or without jaxtyping, and OpenCV's."""


def adapt_callable(function: Callable[..., Any]) -> Detector:
    """The callable itself, where it says that it takes a ``Frame``; else a ``CallableDetector``."""
    takes = find_input(function)
    return cast(Detector, function) if takes == "frame" else CallableDetector(function, takes)


def find_input(function: Callable[..., Any]) -> Input | None:
    """What the annotation of a callable's first parameter says that it takes; None: neither."""
    try:
        signature = _read_signature(function)
    except (TypeError, ValueError):  # of some callables of other languages
        return None
    named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
    for parameter in signature.parameters.values():
        if parameter.kind not in named and parameter.annotation is not parameter.empty:
            words = set(re.findall(r"\w+", inspect.formatannotation(parameter.annotation)))
            return "frame" if "Frame" in words else "image" if words & _IMAGES else None
        break
    return None


def _read_signature(function: Callable[..., Any]) -> inspect.Signature:
    """The signature; annotations that cannot be evaluated stay strings."""
    try:
        return inspect.signature(function, eval_str=True)
    except Exception:
        return inspect.signature(function)


class CallableDetector:
    """A detector that calls what takes an image, or does not say what it takes.

    In the latter case, the first call tries: with the frame, and, where that raises, with the
    image. What works is kept; that it is the image is said once, as a ``GuessedInput`` warning.
    Where both raise, the first error is, and the next call tries again.

    Attributes that it does not have are those of the callable, such as ``names``; its
    ``detect_batch`` takes a list of what it takes.

    Args:
        function: Takes one argument, and returns what ``as_detections`` takes.
        takes: What the argument is; None is for the first call to tell. An image is BGR uint8,
            (height, width, 3).
    """

    def __init__(self, function: Callable[[Any], Any], takes: Input | None) -> None:
        self._function, self._takes = function, takes

    def __call__(self, frame: Frame, /) -> Detections:
        """Detect objects; raises ``InputError`` where the answer is none, and what it raises."""
        if self._takes is None:
            return as_detections(self._try(frame))
        return as_detections(self._function(frame if self._takes == "frame" else frame.image))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # such as those that copy and pickle look for
            raise AttributeError(name)
        value = getattr(self._function, name)
        return partial(self._detect_batch, value) if name == "detect_batch" else value

    def _detect_batch(
        self, function: Callable[[Any], Iterable[Any]], frames: Sequence[Frame], /
    ) -> list[Detections]:
        """Detect on several frames at once, once it is known what the callable takes."""
        if self._takes is None:
            return [self(frame) for frame in frames]
        taken = frames if self._takes == "frame" else [frame.image for frame in frames]
        return [as_detections(result) for result in function(taken)]

    def _try(self, frame: Frame) -> Any:
        try:
            result = self._function(frame)
        except Exception:
            try:
                result = self._function(frame.image)
            except Exception:
                result = _FAILED
            if result is _FAILED:
                raise
            self._takes = "image"
            warnings.warn(
                f"the detector {_describe(self._function)} failed with a Frame, and takes an "
                "image: annotate its first parameter with np.ndarray to say so (or with Frame)",
                GuessedInput,
                stacklevel=3,
            )
        else:
            self._takes = "frame"
        return result


_FAILED = object()


def _describe(function: object) -> str:
    return str(getattr(function, "__qualname__", type(function).__name__))
