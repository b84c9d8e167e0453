"""Histograms of colours, which need no network."""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from mvot_plugin.types import XYXY, Frame

__all__ = ["ColourEmbedder"]

_STRIPES = 4
_LIGHTNESS_EDGES = (0, 32, 64, 96, 128, 160, 192, 224)
"""The lower edges of the bins of L, in 0..255."""
_CHROMA_EDGES = (0, 116, 124, 132, 140)
"""The lower edges of the bins of a and b, in 0..255; the bin in the middle holds the greys."""
_INNER_WIDTH, _INNER_HEIGHT = 0.6, 0.9
"""The share of a box, around its centre, that is sampled: the edges show more of the background."""
_COLUMNS, _ROWS = 16, 48
_BINS = len(_LIGHTNESS_EDGES) * len(_CHROMA_EDGES) ** 2


class ColourEmbedder:
    """Describes a box by the colours in each of four horizontal stripes of it.

    An embedding is the square root of the joint histogram of L, a and b (CIELAB) in the stripes, of
    800 bins in all, so that the cosine of two is the Bhattacharyya coefficient of their histograms,
    which Comaniciu, Ramesh and Meer ("Real-time tracking of non-rigid objects using mean shift",
    CVPR 2000) track by. Of grey video, only the bins of L matter.

    Attributes:
        dimensions: D, the numbers in an embedding.

    Examples:
        >>> import numpy as np
        >>> from mvot_plugin.embedders import ColourEmbedder
        >>> from mvot_plugin.types import as_frame
        >>> image = np.zeros((240, 320, 3), np.uint8)
        >>> image[:, 160:] = (0, 0, 255)
        >>> boxes = np.array([[10, 20, 50, 80], [60, 20, 99, 80], [200, 20, 250, 80]], np.float32)
        >>> black, dark, red = ColourEmbedder()(as_frame(image), boxes)
        >>> round(float(black @ dark), 3), round(float(black @ red), 3)
        (1.0, 0.0)
    """

    dimensions = _STRIPES * _BINS

    def __call__(self, frame: Frame, boxes: Float32[XYXY, " n"], /) -> Float32[np.ndarray, "n d"]:
        """Embed N boxes; beyond the frame's edge, its outermost pixels continue.

        Args:
            frame: The frame.
            boxes: (N, 4) float32, in pixels of the frame.

        Returns:
            Embeddings of unit length, (N, ``dimensions``).
        """
        if not len(boxes):
            return np.zeros((0, self.dimensions), np.float32)
        lab = cv2.cvtColor(_sample_boxes(frame.image, boxes), cv2.COLOR_BGR2LAB)
        bins = _LIGHTNESS_BIN[lab[..., 0]]
        bins += _A_BIN[lab[..., 1]]
        bins += _B_BIN[lab[..., 2]]
        bins += _SAMPLE_OFFSET
        bins += np.arange(len(boxes))[:, None] * self.dimensions
        counts = np.bincount(bins.ravel(), minlength=len(boxes) * self.dimensions)
        shares = counts.reshape(len(boxes), -1).astype(np.float32) / (_ROWS * _COLUMNS)
        return np.sqrt(shares, out=shares)


def _sample_boxes(
    image: UInt8[np.ndarray, "h w 3"], boxes: Float32[XYXY, " n"]
) -> UInt8[np.ndarray, "n samples 3"]:
    """A grid of colours inside each box, bilinear samples row by row."""
    height, width = image.shape[:2]
    x = _spread(boxes[:, 0], boxes[:, 2], _COLUMNS, _INNER_WIDTH).clip(0, width - 1)
    y = _spread(boxes[:, 1], boxes[:, 3], _ROWS, _INNER_HEIGHT).clip(0, height - 1)
    return np.asarray(
        cv2.remap(
            image,
            np.tile(x, _ROWS),
            np.repeat(y, _COLUMNS, axis=1),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )


def _spread(
    low: Float32[np.ndarray, " n"], high: Float32[np.ndarray, " n"], count: int, share: float
) -> Float32[np.ndarray, "n count"]:
    """The middles of ``count`` equal parts of an interval's inner ``share``, as pixel indices."""
    steps = np.float32(share) * ((np.arange(count, dtype=np.float32) + 0.5) / count - 0.5)
    return np.asarray(((low + high) / 2 - 0.5)[:, None] + (high - low)[:, None] * steps)


def _bin_of_bytes(edges: tuple[int, ...], stride: int) -> np.ndarray:
    """For each value in 0..255 its bin by lower edges, times ``stride``."""
    return (np.searchsorted(edges, np.arange(256), side="right") - 1) * stride


_LIGHTNESS_BIN = _bin_of_bytes(_LIGHTNESS_EDGES, len(_CHROMA_EDGES) ** 2)
_A_BIN = _bin_of_bytes(_CHROMA_EDGES, len(_CHROMA_EDGES))
_B_BIN = _bin_of_bytes(_CHROMA_EDGES, 1)
_SAMPLE_OFFSET = (np.arange(_ROWS) * _STRIPES // _ROWS * _BINS).repeat(_COLUMNS)
"""For each sample of a box, the first bin of its stripe."""
