"""Labels, and the sizes of what is drawn, which grow with the image."""

from typing import TypeAlias

import cv2
import numpy as np
from jaxtyping import UInt8

from mvot_pipelines.sinks.colors import Color

__all__ = ["DARK", "LIGHT", "Image", "choose_thickness", "draw_label", "measure", "write"]

Image: TypeAlias = UInt8[np.ndarray, "height width 3"]

DARK, LIGHT = (24, 24, 24), (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_DUPLEX


def _short_side(image: Image) -> int:
    return int(min(image.shape[:2]))


def choose_thickness(image: Image) -> int:
    """The width of lines on an image, in pixels."""
    return max(1, round(_short_side(image) / 350))


def _font_scale(image: Image) -> float:
    return 0.25 + _short_side(image) / 2700


def measure(image: Image, text: str) -> tuple[int, int]:
    """The width and height of a text on an image, in pixels."""
    (width, height), _ = cv2.getTextSize(text, _FONT, _font_scale(image), 1)
    return width, height


def write(canvas: Image, text: str, origin: tuple[int, int], color: Color) -> None:
    """Write a text whose lower left corner is ``origin``."""
    cv2.putText(canvas, text, origin, _FONT, _font_scale(canvas), color, 1, cv2.LINE_AA)


def draw_label(
    canvas: Image, text: str, left: int, bottom: int, color: Color, *, centred: bool = False
) -> None:
    """Draw a text in a filled rectangle, moved into the image where it would reach beyond it.

    Args:
        canvas: the image to draw on.
        text: what to write.
        left: the left edge of the rectangle, in pixels; its middle with ``centred``.
        bottom: its lower edge; its middle with ``centred``. Where there is no room above it, it is
            the upper edge.
        color: that of the rectangle.
        centred: whether to put its middle there.
    """
    pad = choose_thickness(canvas) + 1
    text_width, text_height = measure(canvas, text)
    width, height = text_width + 2 * pad, text_height + 2 * pad
    if centred:
        left, bottom = left - width // 2, bottom + height // 2
    above = bottom - height
    x = int(np.clip(left, 0, max(0, canvas.shape[1] - width)))
    y = int(np.clip(above if above >= 0 else bottom, 0, max(0, canvas.shape[0] - height)))
    cv2.rectangle(canvas, (x, y), (x + width - 1, y + height - 1), color, cv2.FILLED)
    is_bright = color @ np.array([0.114, 0.587, 0.299]) > 110
    write(canvas, text, (x + pad, y + pad + text_height), DARK if is_bright else LIGHT)
