"""Exported graphs (ONNX) on CPUs, run by ONNX Runtime."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property, partial
from importlib.resources import files
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import onnxruntime as ort

from mvot_plugin.errors import InputError
from mvot_plugin.runtimes.reading import check_file
from mvot_plugin.runtimes.sessions import create_session
from mvot_plugin.threads import check_threads

__all__ = ["Graph"]

_OWN_FILES = Path(str(files("mvot_plugin")))
_LONGEST_FIRST_RUN = 60.0
"""Seconds; a graph can loop without end, and cannot be interrupted."""


class Graph:
    """A function from arrays to arrays, on the CPU.

    Its threads sleep while they have nothing to do, rather than spin: beside other busy processes
    it loses its share of the processor, and no more. Its first run ends within a minute.

    Args:
        model: An ONNX file, or the bytes of one.
        threads: How many threads it may use; None is as many as the process may use.

    Attributes:
        threads: How many threads it may use.
        inputs: The names of the arguments, in order, with their shapes; a dimension that may be of
            any size is a string or None.
        outputs: The same of the results.
        dtypes: The number formats of the arguments, by name.
        metadata: The texts that are stored in the file, by key.

    Raises:
        InputError: The file is missing, is no graph that ONNX Runtime can run, or is one that
            ``read_onnx`` refuses.
        UsageError: ``threads`` is below 1.
    """

    threads: int
    inputs: Mapping[str, tuple[Any, ...]]
    outputs: Mapping[str, tuple[Any, ...]]
    dtypes: Mapping[str, np.dtype[Any]]
    metadata: Mapping[str, str]

    def __init__(self, model: Path | bytes, *, threads: int | None = None) -> None:
        name = "the graph" if isinstance(model, bytes) else str(model)
        self.threads = check_threads(threads)
        if isinstance(model, Path):
            _check_content(model)
        self._model = model if isinstance(model, bytes) else str(model)
        self._has_run = False
        try:
            self._session = create_session(self._model, self.threads)
            inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
            self.inputs = {node.name: tuple(node.shape) for node in inputs}
            self.outputs = {node.name: tuple(node.shape) for node in outputs}
            self.dtypes = {node.name: _to_dtype(node.type) for node in inputs}
            self.metadata = dict(self._session.get_modelmeta().custom_metadata_map)
        except Exception as error:  # the classes of onnxruntime's errors have no common base
            reason = str(error).split("\n")[0]
            raise InputError(f"{name}: ONNX Runtime cannot load it: {reason}") from error

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as the file, or the bytes, and the threads: sessions cannot be."""
        model = self._model if isinstance(self._model, bytes) else Path(self._model)
        return partial(Graph, threads=self.threads), (model,)

    def __deepcopy__(self, memo: object) -> "Graph":
        """Itself: it has no state."""
        return self

    def __call__(self, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        """Run the graph on its inputs, in order; all outputs, in order."""
        return self._run(self._session, arrays)

    def map(self, batches: Sequence[Sequence[np.ndarray]]) -> list[tuple[np.ndarray, ...]]:
        """Run the graph on several batches side by side, each on one thread.

        For small batches that is faster than to run them in turn, all threads on each.
        """
        if self.threads == 1 or not batches:
            return [self(*arrays) for arrays in batches]
        if len(batches) == 1:
            return [self._run(self._single, batches[0])]
        return list(self._pool.map(lambda arrays: self._run(self._single, arrays), batches))

    def _run(
        self, session: ort.InferenceSession, arrays: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, ...]:
        feed = dict(zip(self.inputs, arrays, strict=True))
        if self._has_run:
            return tuple(session.run(None, feed))
        with _time_limit(_LONGEST_FIRST_RUN) as options:
            results = tuple(session.run(None, feed, options))
        self._has_run = True
        return results

    @cached_property
    def _single(self) -> ort.InferenceSession:
        """The same graph on one thread."""
        return create_session(self._model, 1)

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads, thread_name_prefix="graph")


def _check_content(path: Path) -> None:
    """Raise ``InputError`` for a file that may not be run; those of this package may."""
    check_file(path)
    if not path.is_relative_to(_OWN_FILES):
        from mvot_plugin.runtimes.onnx_file import read_onnx

        read_onnx(path)


@contextmanager
def _time_limit(seconds: float) -> Iterator[ort.RunOptions]:
    """Options of a run that ends with a ``TimeoutError`` when the time is over."""
    options = ort.RunOptions()
    timer = Timer(seconds, setattr, (options, "terminate", True))
    timer.daemon = True
    timer.start()
    try:
        yield options
    except Exception as error:
        if not options.terminate:
            raise
        raise TimeoutError(f"it does not end within {seconds:g} s") from error
    finally:
        timer.cancel()


def _to_dtype(name: str) -> np.dtype[Any]:
    """The format that ONNX Runtime calls ``tensor(float)``, ``tensor(uint8)``, ..."""
    kind = name.removeprefix("tensor(").removesuffix(")")
    try:
        return np.dtype({"float": "float32", "double": "float64"}.get(kind, kind))
    except TypeError:  # bfloat16, sequences, ...
        return np.dtype(object)
