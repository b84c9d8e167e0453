"""The adapter to ultralytics, the only module that imports that library.

It is imported when a detector is built, not before, and its side effects are prevented: it prints
nothing, installs nothing, and uses the network only to download a model by its name. Importing it
lowers OpenCV's and torch's thread counts for the whole process; both are restored.
"""

import contextlib
import importlib
import io
import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np

from mvot_plugin.detectors.base import Classes
from mvot_plugin.detectors.classes import select_classes
from mvot_plugin.detectors.conversion import as_detections
from mvot_plugin.detectors.models import DEFAULT_MODEL, SERVERS, find_model, may_run_code
from mvot_plugin.errors import ExecutableModel, InputError, UsageError
from mvot_plugin.types import Detections, Frame

__all__ = [
    "LibraryNotFound",
    "ModelNotFound",
    "UltralyticsDetector",
    "import_ultralytics",
    "is_model",
    "isolate_ultralytics",
]

_ENVIRONMENT = {
    "YOLO_AUTOINSTALL": "false",
    "ULTRALYTICS_SKIP_REQUIREMENTS_CHECKS": "true",
    "YOLO_OFFLINE": "true",  # no analytics, and one attempt at a download instead of four
}


class ModelNotFound(InputError):  # noqa: N818
    """A model is not present and could not be downloaded."""


class LibraryNotFound(UsageError):  # noqa: N818
    """Ultralytics is not installed."""


class UltralyticsDetector:
    """A detector from a model that ultralytics can run; building it loads and runs the model once.

    Args:
        model: What ``ultralytics.YOLO`` takes: a path (.pt, .onnx, .engine, .yaml, ...), the name
            of a published model, which is downloaded to this user's cache if it is not there, or a
            model object; None is ultralytics' default model, whose content is checked. Others may
            run code when they are loaded: an ``ExecutableModel`` warning says so.
        conf: The least confidence of a detection, in 0..1.
        classes: The classes to detect, by name or number: ``["person", 2]`` or ``"person,2"``;
            None or an empty sequence is all of the model's.
        device: ``"auto"``, or what ultralytics takes: ``"cpu"``, ``"cuda:0"``, ``"mps"``, ...
        image_size: The longer side, in pixels, that frames are scaled to; None is the model's.
        options: Further arguments of the model's ``predict``, such as ``iou`` or ``max_det``.

    Attributes:
        names: The model's class names by number.

    Raises:
        UsageError: The model does not have a class, ``conf`` is out of range, or ultralytics is not
            installed.
        InputError: The model cannot be found or used.

    Examples:
        >>> from mvot_plugin.detectors import UltralyticsDetector
        >>> detector = UltralyticsDetector("yolo11n.yaml", conf=0.5)  # a network without weights
        >>> len(detector.names)
        80
    """

    names: Mapping[int, str]

    def __init__(
        self,
        model: str | Path | object | None = None,
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
        is_named = model is None or isinstance(model, (str, Path))
        name = str(model or DEFAULT_MODEL) if is_named else type(model).__name__
        if is_named and model is not None and may_run_code(name):
            warnings.warn(_describe_risk(name), ExecutableModel, stacklevel=2)
        with isolate_ultralytics():
            library = import_ultralytics() if is_named else None
            with _translate_errors(name), contextlib.redirect_stdout(io.StringIO()):
                found = find_model(library, None if model is None else name) if library else name
                task = "detect" if name.startswith(SERVERS) else None
                self._model = library.YOLO(found, task=task) if library else cast(Any, model)
                _check_numbers(self._model)
                self(Frame(image=np.zeros((64, 64, 3), np.uint8), index=0, timestamp=0.0))
                self.names = dict(self._model.names)
        if classes:
            self._options["classes"] = select_classes(classes, self.names)

    def __call__(self, frame: Frame, /) -> Detections:
        """Run the model on a frame.

        Args:
            frame: The frame.

        Returns:
            N detections, with masks and keypoints where the model gives some.
        """
        with _silence_logger():
            return as_detections(self._model.predict(frame.image, verbose=False, **self._options))

    def detect_batch(self, frames: Sequence[Frame], /) -> list[Detections]:
        """Run the model on several frames at once.

        Args:
            frames: Frames of one size.

        Returns:
            The detections of each.
        """
        with _silence_logger():
            images = [frame.image for frame in frames]
            results = self._model.predict(images, verbose=False, **self._options)
            return [as_detections(result) for result in results]


def is_model(candidate: object) -> bool:
    """Whether ``candidate`` is a model object of ultralytics; imports nothing."""
    return any(kind.__module__.startswith("ultralytics.") for kind in type(candidate).__mro__)


def _check_numbers(model: Any) -> None:
    """Raise ``InputError`` where numbers of its network, if it is one of torch, are not finite."""
    read = getattr(getattr(model, "model", None), "state_dict", dict)
    for name, tensor in read().items():
        if not tensor.isfinite().all():
            raise InputError(f"its weights {name!r} are not finite; train it again")


@contextlib.contextmanager
def _silence_logger() -> Iterator[None]:
    """Silence ultralytics' logger, which writes to standard output."""
    logger = logging.getLogger("ultralytics")

    def reject(record: logging.LogRecord) -> bool:
        return False

    logger.addFilter(reject)
    try:
        yield
    finally:
        logger.removeFilter(reject)


@contextlib.contextmanager
def isolate_ultralytics() -> Iterator[None]:
    """Undo the side effects on the process of importing ultralytics and of loading a model.

    Within the context it installs nothing, sends nothing, and logs nothing.
    """
    environment = dict(os.environ)
    threads = cv2.getNumThreads()
    os.environ.update({k: v for k, v in _ENVIRONMENT.items() if k not in environment})
    try:
        with (
            _silence_logger(),
            _restore_torch_threads(),
            np.printoptions(),
            warnings.catch_warnings(),
        ):
            yield
    finally:
        cv2.setNumThreads(threads)
        for key in set(os.environ) - set(environment):
            del os.environ[key]
        os.environ.update(environment)


@contextlib.contextmanager
def _restore_torch_threads() -> Iterator[None]:
    """Restore torch's thread count, which ultralytics changes, also through OMP_NUM_THREADS."""
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
    """Import the library, inside ``isolate_ultralytics``.

    Raises ``LibraryNotFound``, a ``UsageError``, if it is not installed.
    """
    try:
        library = importlib.import_module("ultralytics")
        library.YOLO  # noqa: B018  # ultralytics imports its modules here
    except ImportError as error:
        raise LibraryNotFound(
            f"this detector needs ultralytics ({error}): pip install 'mvot-plugin[yolo]', "
            "or name an ONNX file (--detector FILE) or a file of detections (--detections FILE)"
        ) from None
    return library


def _describe_risk(name: str) -> str:
    return (
        f"loading {name} may run code of whoever made it, as a .pt file is a pickle: take an ONNX "
        "file from those whom you do not trust"
    )


@contextlib.contextmanager
def _translate_errors(name: str) -> Iterator[None]:
    """Turn the errors of loading a model into ours, with one sentence each."""
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
            f"model {name!r} could not be loaded ({_describe_error(error)}); "
            "give a detection model that ultralytics can run on that device"
        ) from error


def _describe_error(error: Exception) -> str:
    """The first line of an error's message, without emoji."""
    lines = str(error).encode("ascii", "ignore").decode().removeprefix("ERROR").split("\n")
    first = next((line for line in lines if line.strip()), type(error).__name__)
    return " ".join(first.split())[:200]
