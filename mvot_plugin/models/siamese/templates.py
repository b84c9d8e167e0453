"""What is kept of the templates of N targets."""

from dataclasses import dataclass
from typing import Any

from mvot_plugin.rows import Rows
from mvot_plugin.runtimes.base import Array

__all__ = ["Templates"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Templates(Rows):
    """The arrays that a network's function "enroll" returned for N targets, in its order.

    What each holds is said by the network's ``enroll``; those that it does not have are None.
    """

    first: Array
    second: Array = None
    third: Array = None

    @classmethod
    def of(cls, arrays: tuple[Array, ...]) -> "Templates":
        """The templates of one to three arrays."""
        return cls(**dict(zip(("first", "second", "third"), arrays, strict=False)))

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The arrays that there are."""
        every = self.first, self.second, self.third
        return tuple(array for array in every if array is not None)

    def to(self, *args: Any) -> "Templates":
        """Move or convert tensors, as ``torch.Tensor.to`` does."""
        return Templates.of(tuple(array.to(*args) for array in self.arrays))
