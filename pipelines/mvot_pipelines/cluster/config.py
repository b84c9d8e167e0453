"""The settings of ``mvot-cluster``."""

from dataclasses import dataclass
from typing import Annotated

from mvot_plugin.config import CheckedConfig, Count, Range
from mvot_plugin.errors import UsageError

__all__ = ["ClusterConfig"]


@dataclass(frozen=True, kw_only=True)
class ClusterConfig(CheckedConfig):
    """Where the work is done, and how recordings are cut; ``UsageError`` where out of range."""

    address: str | None = None
    """The Ray cluster: auto joins the one of this machine, HOST:PORT another; null starts one on
    this machine, which ends with the command."""
    workers: Count | None = None
    """The workers, each with an engine and a detector; null is as many as the cluster has room
    for, and no more than there are pieces or streams."""
    cpus: Annotated[float, Range(0.01, 1024)] = 1.0
    """The processor cores that a worker asks for; it uses no more threads."""
    gpus: Annotated[float, Range(0, 64)] = 0.0
    """The GPUs that a worker asks for; 0.25 lets four workers share one."""
    piece: Annotated[float, Range(1, 1e6)] = 60.0
    """Seconds of a recording that a worker tracks at once, overlap not counted; recordings shorter
    than one and a half of it are not cut."""
    overlap: Annotated[float, Range(0.2, 600)] | None = None
    """Seconds of a piece that the next one tracks too, to join the identities; null is 5 seconds
    or 20 detections, whichever is longer, but no longer than a piece."""
    tries: Annotated[int, Range(1, 1000)] = 3
    """How many workers may end on the same piece, or one after another on the same stream, before
    the work on it is given up."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.overlap is not None and self.overlap > self.piece:
            raise UsageError(
                f"--overlap {self.overlap:g} is longer than --piece {self.piece:g}: each piece "
                "would be tracked more than twice; make one shorter, or the other longer"
            )
