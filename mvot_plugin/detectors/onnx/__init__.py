"""Detectors from ONNX files of many families, run by ONNX Runtime on the CPU.

``OnnxDetector`` recognises the export by its inputs, outputs and metadata (``recognition.py``),
prepares each frame as that family's networks were trained (``preparation.py``), decodes the
outputs (``yolo.py``, ``yolox.py``, ``nanodet.py``, ``queries.py``, ``separate.py``) and removes
duplicates (``suppression.py``).
"""

from mvot_plugin.detectors.onnx.detector import OnnxDetector

__all__ = ["OnnxDetector"]
