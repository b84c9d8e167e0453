"""Detectors by where their code is: ``package.module:function`` or ``path/file.py:function``."""

import importlib
import re
import sys
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from mvot_plugin.detectors.base import Classes, Detector
from mvot_plugin.detectors.classes import ClassSelection, find_class_names
from mvot_plugin.detectors.conversion import as_detections
from mvot_plugin.errors import InputError, MvotError, UsageError, describe_error, unknown_name
from mvot_plugin.types import Detections, Frame

__all__ = ["REFERENCES", "CodeModule", "ReferencedDetector", "find_object", "split_reference"]

REFERENCES = ("FILE.py:FUNCTION", "MODULE:FUNCTION")
"""How such a name is written, for messages."""
_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_FILE = ".py"


def split_reference(name: str) -> tuple[str, str] | None:
    """Split a name into a module, or the path of a file, and an attribute of it; None: it is none.

    A single letter before the colon is a drive.
    """
    target, _, attribute = name.rpartition(":")
    is_file = target.lower().endswith(_FILE)
    is_code = is_file or (len(target) > 1 and _DOTTED.fullmatch(target) is not None)
    return (target, attribute) if is_code and _DOTTED.fullmatch(attribute) else None


class CodeModule:
    """An imported module. Where it is unpickled, it is imported, so that what it defines is there.

    Args:
        target: The dotted name of the module, or the path of its file.
        folder: Modules of this folder can be imported meanwhile; None is the file's, or the current
            folder.

    Raises:
        UsageError: There is no such module.
        InputError: There is no such file, or it raises an error.
    """

    def __init__(self, target: str, folder: str | None = None) -> None:
        self._is_file = target.lower().endswith(_FILE)
        self._target = str(Path(target).absolute()) if self._is_file else target
        parent = Path(self._target).parent if self._is_file else Path.cwd()
        self._folder = str(parent) if folder is None else folder
        self.name = target
        with _prefer_folder(self._folder), self._translate_errors():
            self.module = self._load_file() if self._is_file else importlib.import_module(target)

    def __reduce__(self) -> tuple[type["CodeModule"], tuple[str, str]]:
        return CodeModule, (self._target, self._folder)

    def _load_file(self) -> ModuleType:
        """Run the file, unless it was before; it can be found by its name by those who unpickle."""
        path = Path(self._target)
        if not path.is_file():
            raise InputError(f"there is no file {self.name} for the detector")
        name = f"{path.stem}_{zlib.crc32(str(path).encode()):08x}"
        if name in sys.modules:
            return sys.modules[name]
        spec = spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise InputError(f"{self.name} cannot be imported")
        sys.modules[name] = module = module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Turn what the import raises into one sentence."""
        try:
            yield
        except MvotError:
            raise
        except (Exception, SystemExit) as error:
            missing = error.name if isinstance(error, ModuleNotFoundError) else None
            if missing and not self._is_file and f"{self._target}.".startswith(f"{missing}."):
                raise UsageError(
                    f"there is no module {missing!r} for the detector, in this folder or "
                    f"installed; write {' or '.join(REFERENCES)}"
                ) from None
            raise InputError(
                f"importing {self.name} raised {describe_error(error)}{_find_line(error)}"
            ) from error


@contextmanager
def _prefer_folder(folder: str) -> Iterator[None]:
    """Import modules of a folder first, as Python does from the folder of a script."""
    importlib.invalidate_caches()
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _find_line(error: BaseException) -> str:
    """Where the module's code raised an error, in words; nothing where that is unknown."""
    frames = traceback.extract_tb(error.__traceback__)
    last = max((row for row, frame in enumerate(frames) if frame.filename == __file__), default=0)
    for frame in frames[last + 1 :]:
        if not frame.filename.startswith("<frozen") and frame.filename != importlib.__file__:
            return f" ({Path(frame.filename).name}, line {frame.lineno})"
    return ""


def find_object(module: CodeModule, attribute: str) -> Callable[..., Any]:
    """The callable by its dotted name in a module; a class is built, without arguments.

    Raises:
        UsageError: There is none, or it cannot be called.
        InputError: The class cannot be built.
    """
    found: Any = module.module
    for name in attribute.split("."):
        if not hasattr(found, name):
            known = [key for key in dir(found) if _is_offered(found, key)]
            if not known:
                raise UsageError(f"there is no {name!r} in {module.name}")
            raise unknown_name(f"function or class in {module.name}", name, known)
        found = getattr(found, name)
    if isinstance(found, type):
        try:
            found = found()
        except MvotError:
            raise
        except Exception as error:
            raise InputError(
                f"building {attribute} of {module.name}, without arguments, raised "
                f"{describe_error(error)}{_find_line(error)}"
            ) from error
    if not callable(found):
        raise UsageError(
            f"{attribute} in {module.name} cannot be called: it is of type {type(found).__name__}; "
            "name a function that takes a Frame or an image, or a class of such objects"
        )
    return found  # type: ignore[no-any-return]


def _is_offered(owner: object, name: str) -> bool:
    return not name.startswith("_") and callable(getattr(owner, name, None))


class ReferencedDetector:
    """A detector of somebody's code, of whose detections some are kept.

    Attributes that it does not have are those of the detector, such as ``names``.

    Args:
        module: Where its code is.
        detector: The detector.
        conf: The least confidence of a detection; None is any.
        classes: The classes to keep, by name or number; None or an empty sequence is all. Names
            are those of the detector's ``names``, or else of the detections' ``class_names``.

    Raises:
        UsageError: ``conf`` is out of range, or ``names`` lacks a class.
    """

    def __init__(
        self, module: CodeModule, detector: Detector, conf: float | None, classes: Classes
    ) -> None:
        if conf is not None and not 0 <= conf <= 1:
            raise UsageError(f"conf is a confidence from 0 to 1, got {conf}")
        self._module = module  # before the detector: what is unpickled first is imported first
        self._detector = detector
        self._least = conf
        names: Mapping[int, str] | None = find_class_names(detector)
        self._selection = ClassSelection(classes, names) if classes else None

    def __call__(self, frame: Frame, /) -> Detections:
        """Detect objects; raises ``InputError`` where names of classes are not known."""
        return self._select(as_detections(self._detector(frame)))

    def _select(self, found: Detections) -> Detections:
        if self._least is not None:  # in float32, so that the least is kept; NaN is counted later
            found = found[~(found.confidence < np.float32(self._least))]
        return found if self._selection is None else self._selection(found)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # such as those that copy and pickle look for
            raise AttributeError(name)
        value = getattr(self._detector, name)
        return partial(self._detect_batch, value) if name == "detect_batch" else value

    def _detect_batch(
        self, function: Callable[[Any], Iterable[Any]], frames: Sequence[Frame], /
    ) -> list[Detections]:
        return [self._select(as_detections(result)) for result in function(frames)]
