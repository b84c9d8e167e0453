"""Embedders: any callable from a frame and boxes to embeddings of how the objects look.

    embedder = load_embedder("colour")
    embeddings = embed_boxes(embedder, frame, detections.xyxy)

Other packages register names in the entry point group ``mvot_plugin.embedders``: a callable that
takes ``threads`` by keyword and returns an embedder.
"""

from pathlib import Path
from typing import Any, cast

from mvot_plugin.embedders.base import Embedder, embed_boxes
from mvot_plugin.embedders.colours import ColourEmbedder
from mvot_plugin.embedders.onnx import OnnxEmbedder
from mvot_plugin.errors import InputError, UsageError, unknown_name
from mvot_plugin.registry import build_registered, registered_names

__all__ = [
    "ColourEmbedder",
    "Embedder",
    "OnnxEmbedder",
    "as_embedder",
    "embed_boxes",
    "embedder_names",
    "load_embedder",
]

GROUP = "mvot_plugin.embedders"
_BUILT_IN = ("colour", "none")


def embedder_names() -> list[str]:
    """The names of embedders besides files.

    Returns:
        Those built in, and those of other packages, sorted.

    Examples:
        >>> from mvot_plugin.embedders import embedder_names
        >>> embedder_names()
        ['colour', 'none']
    """
    return sorted({*_BUILT_IN, *registered_names(GROUP)})


def load_embedder(name: str | Path, *, threads: int | None = None) -> Embedder | None:
    """Load an embedder by name.

    Args:
        name: ``"colour"`` (``ColourEmbedder``), ``"none"`` (no embedder: appearance is not
            compared), a name that another package has registered, or the path of an ONNX file
            (``OnnxEmbedder``).
        threads: How many threads an ONNX file may use; None is as many as the process may use.

    Returns:
        The embedder, a callable from a frame and boxes to embeddings, or None for ``"none"``.

    Raises:
        UsageError: The name is none of these.
        InputError: The file, or the other package's embedder, cannot be used.

    Examples:
        >>> from mvot_plugin.embedders import load_embedder
        >>> load_embedder("colour").dimensions
        800
    """
    text = str(name)
    if text == "colour":
        return ColourEmbedder()
    if text == "none":
        return None
    if text in registered_names(GROUP):
        return _load_registered(text, threads=threads)
    if text.lower().endswith(".onnx"):
        return OnnxEmbedder(text, threads=threads)
    raise unknown_name("embedder", text, [*embedder_names(), "the path of an ONNX file (.onnx)"])


def as_embedder(embedder: str | Path | object | None) -> Embedder | None:
    """Convert a name or path, any callable, or None to an embedder, or to None for no embedder.

    Args:
        embedder: One of these.

    Returns:
        The embedder, or None.

    Raises:
        UsageError: It is none of these. ``load_embedder`` may raise others.

    Examples:
        >>> from mvot_plugin.embedders import as_embedder
        >>> as_embedder("none") is None, as_embedder("colour").dimensions
        (True, 800)
    """
    if embedder is None:
        return None
    if isinstance(embedder, (str, Path)):
        return load_embedder(embedder)
    if callable(embedder):
        return cast(Embedder, embedder)
    raise UsageError(
        "an embedder is a callable that takes a frame and boxes, the name of one, the path of an "
        f"ONNX file, or None, got {type(embedder).__name__}"
    )


def _load_registered(name: str, **options: Any) -> Embedder:
    embedder: object = build_registered(GROUP, name, **options)
    if not callable(embedder):
        raise InputError(
            f"embedder {name!r} must be callable with a frame and boxes, got a "
            f"{type(embedder).__name__}"
        )
    return cast(Embedder, embedder)
