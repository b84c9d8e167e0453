"""The settings of ``mvot-train nanotrack``."""

from dataclasses import dataclass

from mvot_training.config import HELD_OUT, check_counts

__all__ = ["NanoTrackConstantsConfig"]


@dataclass(frozen=True, kw_only=True)
class NanoTrackConstantsConfig:
    """What the constants of the engine `nanotrack` are measured on."""

    frames: int = 240
    """Frames at the start of each sequence that search areas are cut out of."""
    frame_step: int = 30
    """Every so many-th of them is used."""
    objects: int = 4
    """Most objects of a frame whose search areas are used."""
    calibration_frames: int = 80
    """Frames at the start of each sequence to track through, for the calibration."""
    seed: int = 0
    """Seed of the choice of objects."""
    held_out: tuple[str, ...] = HELD_OUT
    """Names of the sequences to validate on, which the constants are not measured on."""

    def __post_init__(self) -> None:
        check_counts(self, ("frames", "frame_step", "objects", "calibration_frames"))
