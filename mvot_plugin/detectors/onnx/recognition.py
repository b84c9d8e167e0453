"""Finds out what export a graph is, from what it says about itself and what it answers."""

import ast
import json
from collections.abc import Mapping

import numpy as np

from mvot_plugin.detectors.onnx.family import Family, Probe, parse_literal, refuse_misfits
from mvot_plugin.detectors.onnx.image_graph import ImageGraph, describe_shapes
from mvot_plugin.detectors.onnx.nanodet import recognize_nanodet
from mvot_plugin.detectors.onnx.preparation import Size
from mvot_plugin.detectors.onnx.queries import recognize_queries
from mvot_plugin.detectors.onnx.separate import recognize_separate
from mvot_plugin.detectors.onnx.yolo import recognize_yolo
from mvot_plugin.detectors.onnx.yolox import recognize_yolox
from mvot_plugin.errors import InputError

__all__ = ["recognize"]

_UNDERSTOOD = (
    "YOLO (ultralytics, v5 to v10, 11, 26), YOLOX, NanoDet, RT-DETR, RF-DETR, "
    "and SSD or CenterNet with boxes, scores and classes"
)
_RULES = (
    recognize_yolo,
    recognize_yolox,
    recognize_nanodet,
    recognize_queries,
    recognize_separate,
)
_TASKS = ("detect", "segment", "pose")


def recognize(graph: ImageGraph, size: Size) -> Family:
    """The family of an export.

    Args:
        graph: The graph; it is run once, on noise.
        size: The height and width of the image that it is run on.

    Raises:
        InputError: It is no export that is understood, or cannot be run.
    """
    task = graph.metadata.get("task", _TASKS[0])
    if task not in _TASKS:
        raise InputError(
            f"{graph.name}: is a model for the task {task!r}; use a detection, segmentation or "
            "pose model"
        )
    outputs = graph.run_on_noise(size)
    for name, array in outputs.items():
        if np.isnan(array).any():
            raise InputError(f"{graph.name}: answers noise with NaN in {name!r}; export it again")
    names = _read_names(graph.metadata.get("names"))
    probe = Probe(outputs=outputs, size=size, names=names, flags=graph.metadata)
    for rule in _RULES:
        with refuse_misfits(graph.name):
            family = rule(probe)
        if family is not None:
            return family
    shapes = {name: array.shape for name, array in outputs.items()}
    raise InputError(
        f"{graph.name}: answers an image of {size[1]}x{size[0]} with {describe_shapes(shapes)}; "
        f"the exports that are understood are {_UNDERSTOOD}"
    )


def _read_names(text: str | None) -> Mapping[int, str] | None:
    """Class names from metadata: a dictionary or list, as Python or JSON writes it."""
    for parse in (ast.literal_eval, json.loads):
        value = parse_literal(text or "", parse)
        if isinstance(value, (list, tuple)):
            value = dict(enumerate(value))
        if isinstance(value, dict) and value and all(str(key).isdecimal() for key in value):
            return {int(key): str(name) for key, name in value.items()}
    return None
