"""The arguments and results of a network's functions, as an exported graph states them."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Signature"]


@dataclass(frozen=True, kw_only=True)
class Signature:
    """The shapes of a function's arguments and results, by name and in order.

    A dimension with a name may be of any size, the same wherever the name occurs. The argument
    "images" is uint8; all others are float32.
    """

    inputs: Mapping[str, tuple[int | str, ...] | None]
    """The arguments; None for one that the function takes, but not this network's."""
    outputs: Mapping[str, tuple[int | str, ...]]
    """The results."""
    sizes: Mapping[str, int]
    """A size that each name may have, to try the function with."""
