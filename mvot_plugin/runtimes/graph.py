"""Exported graphs (ONNX) on CPUs, run by ONNX Runtime."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from mvot_plugin.errors import InputError
from mvot_plugin.threads import check_threads

__all__ = ["Graph"]

_ERRORS_ONLY = 3


class Graph:
    """A function from arrays to arrays, on the CPU.

    Its threads sleep while they have nothing to do, rather than spin: beside other busy processes
    it loses its share of the processor, and no more.

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
        InputError: The file is missing, or is no graph that ONNX Runtime can run.
        UsageError: ``threads`` is below 1.
    """

    threads: int
    inputs: Mapping[str, tuple[Any, ...]]
    outputs: Mapping[str, tuple[Any, ...]]
    dtypes: Mapping[str, np.dtype[Any]]
    metadata: Mapping[str, str]

    def __init__(self, model: Path | bytes, *, threads: int | None = None) -> None:
        name = "the graph" if isinstance(model, bytes) else str(model)
        if isinstance(model, Path) and not model.is_file():
            raise InputError(f"{model}: there is no such file")
        self.threads = check_threads(threads)
        self._model = model if isinstance(model, bytes) else str(model)
        try:
            self._session = _create_session(self._model, self.threads)
        except Exception as error:  # the classes of onnxruntime's errors have no common base
            reason = str(error).split("\n")[0]
            raise InputError(f"{name}: ONNX Runtime cannot load it: {reason}") from error
        self.inputs = {node.name: tuple(node.shape) for node in self._session.get_inputs()}
        self.outputs = {node.name: tuple(node.shape) for node in self._session.get_outputs()}
        self.dtypes = {node.name: _to_dtype(node.type) for node in self._session.get_inputs()}
        self.metadata = dict(self._session.get_modelmeta().custom_metadata_map)

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
        return tuple(session.run(None, feed))

    @cached_property
    def _single(self) -> ort.InferenceSession:
        """The same graph on one thread."""
        return _create_session(self._model, 1)

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads, thread_name_prefix="graph")


def _to_dtype(name: str) -> np.dtype[Any]:
    """The format that ONNX Runtime calls ``tensor(float)``, ``tensor(uint8)``, ..."""
    kind = name.removeprefix("tensor(").removesuffix(")")
    try:
        return np.dtype({"float": "float32", "double": "float64"}.get(kind, kind))
    except TypeError:  # bfloat16, sequences, ...
        return np.dtype(object)


def _create_session(model: str | bytes, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
