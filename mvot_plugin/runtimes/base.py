"""What engines need of a network, whatever it runs on: a few pure functions, and crops."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int64

from mvot_plugin.types import XYXY

__all__ = ["Array", "Network"]

Array: TypeAlias = Any
"""Values that a network made, batched along the first axis: a numpy array, or a torch tensor on the
network's device. Engines keep, index and concatenate them, and look into none of them."""


@runtime_checkable
class Network(Protocol):
    """A network on a runtime; it holds no state of any target."""

    @property
    def config(self) -> Any:
        """The settings of the network."""
        ...

    def run(self, function: str, *arrays: Array) -> tuple[Array, ...]:
        """Run one of the network's functions, such as "features".

        Args:
            function: Its name.
            arrays: Its arguments; numpy arrays, or what the network's functions returned. None
                stands for one that this network's function does not have.

        Returns:
            Its results.
        """
        ...

    @property
    def workers(self) -> int:
        """How many batches ``map`` runs side by side."""
        ...

    def map(self, function: str, batches: Sequence[Sequence[Array]]) -> list[tuple[Array, ...]]:
        """Run one of the network's functions on several batches, which may be side by side.

        Args:
            function: Its name.
            batches: The arguments of each run, as for ``run``.

        Returns:
            The results of each, in order.
        """
        ...

    def crop(
        self,
        maps: Sequence[Array],
        squares: Float32[XYXY, " n"],
        which: Int64[np.ndarray, " n"],
        bins: int,
        stride: int,
    ) -> Array:
        """Crop N squares, each from one of several maps of features.

        Args:
            maps: Maps of (rows, columns, C) cells; the first cell of each is centred half a pixel
                from its edge.
            squares: In pixels of their maps.
            which: The map of each square.
            bins: Bins along a square; each is one bilinear sample at its centre.
            stride: Pixels from a cell to the next.

        Returns:
            Features (N, bins, bins, C). Samples up to a cell outside a map take the nearest cell;
            those further outside are 0.
        """
        ...

    def to_numpy(self, values: Array) -> np.ndarray:
        """What a function returned, as a numpy array; float32 where it is a float."""
        ...
