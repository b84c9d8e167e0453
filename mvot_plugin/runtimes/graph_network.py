"""A network of exported graphs, on the CPU."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from mvot_plugin.errors import InputError
from mvot_plugin.ops.crops import crop_maps
from mvot_plugin.runtimes.graph import Graph
from mvot_plugin.types import XYXY

__all__ = ["GraphNetwork"]


@dataclass(frozen=True, kw_only=True, eq=False)
class GraphNetwork:
    """A ``Network`` whose functions are graphs, and whose values are numpy arrays."""

    config: Any
    """The settings of the network."""
    graphs: Mapping[str, Graph]
    """Its functions by name."""

    def run(self, function: str, *arrays: np.ndarray | None) -> tuple[np.ndarray, ...]:
        """The results of a function; raises ``InputError`` where its graph is missing or fails."""
        with self._find(function) as graph:
            return graph(*_drop_absent(arrays))

    @property
    def workers(self) -> int:
        """The batches that run side by side."""
        return max(graph.threads for graph in self.graphs.values())

    def map(
        self, function: str, batches: Sequence[Sequence[np.ndarray | None]]
    ) -> list[tuple[np.ndarray, ...]]:
        """The results of a function for each batch; raises ``InputError`` as ``run`` does."""
        with self._find(function) as graph:
            return graph.map([_drop_absent(arrays) for arrays in batches])

    @contextmanager
    def _find(self, function: str) -> Iterator[Graph]:
        if function not in self.graphs:
            raise InputError(f"the network has no graph {function!r}; export its graphs again")
        try:
            yield self.graphs[function]
        except Exception as error:  # the classes of onnxruntime's errors have no common base
            reason = str(error).split("\n")[0]
            raise InputError(f"the graph {function!r} cannot be run: {reason}") from error

    def crop(
        self,
        maps: Sequence[Float32[np.ndarray, "_ _ c"]],
        squares: Float32[XYXY, " n"],
        which: Int64[np.ndarray, " n"],
        bins: int,
        stride: int,
    ) -> Float32[np.ndarray, "n bins bins c"]:
        """N squares of the maps."""
        return crop_maps(maps, squares, which, bins, stride)

    def to_numpy(self, values: np.ndarray) -> np.ndarray:
        """The array itself."""
        return values


def _drop_absent(arrays: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    return [array for array in arrays if array is not None]
