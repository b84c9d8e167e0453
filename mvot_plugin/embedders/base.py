"""The embedder protocol, and what the pipeline does with an embedder's answer.

An embedder is any callable from a frame and boxes to one vector a box that describes how the object
in it looks. Vectors are compared by their cosine: nearer to 1 for the same object than for others.
"""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32

from mvot_plugin.errors import InputError, MvotError, describe_error
from mvot_plugin.types import XYXY, Frame

__all__ = ["Embedder", "embed_boxes", "normalize_embeddings", "normalize_rows"]


@runtime_checkable
class Embedder(Protocol):
    """Describes the appearance of boxes of one frame; any callable of this form is an embedder.

    One with an attribute ``dimensions``, the D of its embeddings, need not be called for no boxes.

    Examples:
        >>> import numpy as np
        >>> from mvot_plugin.embedders import embed_boxes
        >>> from mvot_plugin.types import as_frame
        >>> def embed_sizes(frame, boxes):
        ...     return boxes[:, 2:] - boxes[:, :2]
        >>> frame = as_frame(np.zeros((240, 320, 3), np.uint8))
        >>> boxes = np.array([[10, 20, 13, 24]], np.float32)
        >>> embed_boxes(embed_sizes, frame, boxes).shape
        (1, 2)
    """

    def __call__(self, frame: Frame, boxes: Float32[XYXY, " n"], /) -> Float32[np.ndarray, "n d"]:
        """Embed the appearance of boxes.

        Args:
            frame: The frame.
            boxes: N boxes, in pixels of the frame; parts of them may lie outside.

        Returns:
            N embeddings of D numbers, to be compared by their cosine.
        """
        ...


def embed_boxes(
    embedder: Embedder, frame: Frame, boxes: Float32[XYXY, " n"]
) -> Float32[np.ndarray, "n d"]:
    """Embed the appearance of boxes, and check the answer.

    Args:
        embedder: The embedder; it is not called where there are no boxes.
        frame: The frame.
        boxes: N boxes, in pixels of the frame.

    Returns:
        N embeddings of unit length, so that their products are cosines; an embedding of zeros
        stays so. For no boxes the shape is (0, D), or (0, 0) where the embedder has no attribute
        ``dimensions`` that tells D.

    Raises:
        InputError: The embedder fails, or its answer is not N rows of finite numbers.

    Examples:
        >>> from mvot_plugin.embedders import embed_boxes, load_embedder
        >>> from mvot_synthetic import street
        >>> scene = street(seed=2, size=(320, 240), frames=1)
        >>> boxes = scene.ground_truth(0).xyxy[:2]
        >>> embeddings = embed_boxes(load_embedder("colour"), scene.frame(0), boxes)
        >>> embeddings.shape
        (2, 800)
    """
    if not len(boxes):
        return np.zeros((0, getattr(embedder, "dimensions", 0)), np.float32)
    try:
        embeddings = np.asarray(embedder(frame, boxes))
    except MvotError:
        raise
    except Exception as error:
        raise InputError(
            f"the embedder failed on frame {frame.index} ({describe_error(error)})"
        ) from error
    if embeddings.ndim != 2 or len(embeddings) != len(boxes) or embeddings.dtype.kind != "f":
        raise InputError(
            "an embedder must return one row of floating-point numbers for each box, an array of "
            f"shape ({len(boxes)}, D); this one returned {embeddings.dtype} {embeddings.shape}"
        )
    return normalize_embeddings(embeddings, frame)


def normalize_embeddings(
    embeddings: Float[np.ndarray, "n d"], frame: Frame
) -> Float32[np.ndarray, "n d"]:
    """Scale N embeddings to unit length; raises ``InputError`` for NaN and infinity."""
    if not np.isfinite(embeddings).all():
        raise InputError(
            f"embeddings must be finite numbers; those of frame {frame.index} have NaN or infinity"
        )
    return normalize_rows(embeddings)


def normalize_rows(rows: Float[np.ndarray, "n d"]) -> Float32[np.ndarray, "n d"]:
    """Scale each row to unit length; a row of zeros stays as it is."""
    lengths = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1, keepdims=True))
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), np.float32)
