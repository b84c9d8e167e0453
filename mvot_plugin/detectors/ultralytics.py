"""The adapter to ultralytics, the one place that names that library.

It is imported when a detector is built, not before, and held to what it is asked for: it prints
nothing, installs nothing, and reaches for the network only to download a model by its name.
Importing it lowers OpenCV's and torch's thread counts for the whole process; both are put back.
"""

import contextlib
import importlib
import io
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np

from mvot_plugin.detectors.base import Classes, as_detections
from mvot_plugin.detectors.packaged import reachable
from mvot_plugin.errors import InputError, UsageError, unknown_name
from mvot_plugin.types import Detections, Frame

__all__ = [
    "DEFAULT_MODEL",
    "ModelNotFound",
    "UltralyticsDetector",
    "contained",
    "import_ultralytics",
    "is_model",
    "looks_like_model",
]

DEFAULT_MODEL = "yolo11n.pt"
_HOST = "github.com"
"""Where ultralytics publishes its models."""

_ENDINGS = (
    *(".pt", ".onnx", ".yaml", ".yml", ".torchscript", ".engine", ".mlpackage", ".mlmodel"),
    *(".pb", ".tflite", ".mnn", ".pte", ".aimodel", ".param", ".xml"),
    *("_openvino_model", "_saved_model", "_paddle_model", "_ncnn_model", "_imx_model"),
    *("_rknn_model", "_axelera_model"),
)
_FAMILIES = ("yolo", "rtdetr")
_SERVERS = ("http://", "grpc://")
_CONTAINED = {
    "YOLO_AUTOINSTALL": "false",
    "ULTRALYTICS_SKIP_REQUIREMENTS_CHECKS": "true",
    "YOLO_OFFLINE": "true",  # no analytics, and one attempt at a download instead of four
}


class ModelNotFound(InputError):  # noqa: N818
    """A model that is not here, and could not be downloaded."""


class UltralyticsDetector:
    """A detector from a model that ultralytics can run; it is loaded and run once when built.

    Args:
        model: What ``ultralytics.YOLO`` takes: a path (.pt, .onnx, .engine, .yaml, ...), the name
            of a published model, which is downloaded to the working directory if it is not
            there, or a model object already built.
        conf: Detections below this confidence, 0..1, are left out.
        classes: The classes to detect, by name or number: ``["person", 2]`` or ``"person,2"``;
            all of the model's for None or none.
        device: ``"auto"``, or what ultralytics takes: ``"cpu"``, ``"cuda:0"``, ``"mps"``, ...
        image_size: The longer side, in pixels, that frames are scaled to; None is the model's.
        options: Further arguments of the model's ``predict``, such as ``iou`` or ``max_det``.

    Attributes:
        names: The model's class names by number.

    Raises ``UsageError`` for a class that the model does not have, a confidence out of range, or
    where ultralytics is not installed; ``InputError`` for a model that cannot be found or used.
    """

    names: Mapping[int, str]

    def __init__(
        self,
        model: str | Path | object = DEFAULT_MODEL,
        *,
        conf: float = 0.25,
        classes: Classes = None,
        device: str = "auto",
        image_size: int | None = None,
        **options: Any,
    ) -> None:
        if not 0 <= conf <= 1:
            raise UsageError(f"conf is a confidence from 0 to 1, got {conf}")
        self._options = {**options, "conf": conf, "device": None if device == "auto" else device}
        if image_size is not None:
            self._options["imgsz"] = image_size
        name = str(model) if isinstance(model, (str, Path)) else type(model).__name__
        with contained():
            library = import_ultralytics() if isinstance(model, (str, Path)) else None
            with _one_sentence(name), contextlib.redirect_stdout(io.StringIO()):
                self._model = _load(library, name) if library else cast(Any, model)
                self(Frame(image=np.zeros((64, 64, 3), np.uint8), index=0, timestamp=0.0))
                self.names = dict(self._model.names)
        if classes:
            self._options["classes"] = _class_ids(classes, self.names)

    def __call__(self, frame: Frame, /) -> Detections:
        """What the model finds on ``frame``."""
        with _silent():
            return as_detections(self._model.predict(frame.image, verbose=False, **self._options))


def is_model(candidate: object) -> bool:
    """Whether it is a model object of ultralytics; imports nothing."""
    return any(kind.__module__.startswith("ultralytics.") for kind in type(candidate).__mro__)


def looks_like_model(name: str) -> bool:
    """Whether a name is one that ultralytics might take for a model: by its ending or family."""
    stem = Path(name).name.lower()
    return "://" in name or stem.endswith(_ENDINGS) or stem.startswith(_FAMILIES)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep ultralytics' logger, which writes to standard output, from writing."""
    logger = logging.getLogger("ultralytics")

    def nothing(record: logging.LogRecord) -> bool:
        return False

    logger.addFilter(nothing)
    try:
        yield
    finally:
        logger.removeFilter(nothing)


@contextlib.contextmanager
def contained() -> Iterator[None]:
    """Undo at the end what importing ultralytics and loading a model do to the process.

    Inside, it installs nothing, sends nothing, and logs nothing.
    """
    environment = dict(os.environ)
    threads = cv2.getNumThreads()
    os.environ.update({k: v for k, v in _CONTAINED.items() if k not in environment})
    try:
        with _silent(), _torch_threads(), np.printoptions(), warnings.catch_warnings():
            yield
    finally:
        cv2.setNumThreads(threads)
        for key in set(os.environ) - set(environment):
            del os.environ[key]
        os.environ.update(environment)


@contextlib.contextmanager
def _torch_threads() -> Iterator[None]:
    """Torch's thread count as it is before ultralytics sets OMP_NUM_THREADS and its own."""
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        yield
        return
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def import_ultralytics() -> Any:
    """The library; to be called inside ``contained``. Raises ``UsageError`` where it is missing."""
    try:
        library = importlib.import_module("ultralytics")
        library.YOLO  # noqa: B018  # ultralytics imports the rest of itself here
    except ImportError as error:
        raise UsageError(
            f"this detector needs ultralytics ({error}): pip install 'mvot-plugin[yolo]', "
            "or pass a file of detections (--detections FILE)"
        ) from None
    return library


def _load(library: Any, name: str) -> Any:
    local = Path(name).exists() or (Path(library.settings["weights_dir"]) / name).exists()
    if not local and not _may_be_downloaded(name):
        raise FileNotFoundError(name)
    return library.YOLO(name, task="detect" if name.startswith(_SERVERS) else None)


def _may_be_downloaded(name: str) -> bool:
    """Whether to let ultralytics look for a file that is not here; it would wait for long."""
    published = Path(name).name.lower().startswith(_FAMILIES)
    return "://" in name or (published and (name.endswith(".yaml") or reachable(_HOST)))


@contextlib.contextmanager
def _one_sentence(name: str) -> Iterator[None]:
    """Turn whatever loading a model raises into one sentence about it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"model {name!r} cannot be used: {error}") from None
    except (FileNotFoundError, ConnectionError):
        raise ModelNotFound(
            f"model {name!r} could not be found or downloaded; give the path of a .pt or .onnx "
            "file, or a file of detections (--detections FILE)"
        ) from None
    except ImportError as error:
        raise UsageError(
            f"model {name!r} needs a package that is missing: pip install {error.name or error}"
        ) from None
    except Exception as error:
        raise InputError(
            f"model {name!r} could not be loaded ({_reason(error)}); "
            "give a detection model that ultralytics can run on that device"
        ) from error


def _reason(error: Exception) -> str:
    """The first line of an error's message, without the pictures."""
    lines = str(error).encode("ascii", "ignore").decode().removeprefix("ERROR").split("\n")
    first = next((line for line in lines if line.strip()), type(error).__name__)
    return " ".join(first.split())[:200]


def _class_ids(classes: Classes, names: Mapping[int, str]) -> list[int]:
    chosen = classes.split(",") if isinstance(classes, str) else classes or ()
    return sorted({_class_id(choice, names) for choice in chosen})


def _class_id(choice: int | str, names: Mapping[int, str]) -> int:
    numbers = {name.lower(): number for number, name in names.items()}
    text = str(choice).strip()
    if text.lower() in numbers:
        return numbers[text.lower()]
    if text.isdecimal() and int(text) in names:
        return int(text)
    raise unknown_name("class", text, names.values())
