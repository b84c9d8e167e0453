"""The description of a MOTChallenge sequence, ``seqinfo.ini``."""

import configparser
from dataclasses import dataclass
from pathlib import Path

from mvot_pipelines.sources.capture import DEFAULT_FRAME_RATE
from mvot_plugin.errors import InputError

__all__ = ["SequenceInfo", "read_sequence_info"]


@dataclass(frozen=True, kw_only=True)
class SequenceInfo:
    """What a source needs of a sequence's description."""

    frame_rate: float
    """Frames per second."""
    length: int | None
    """The number of frames, if it is given."""
    image_folder: str
    """Relative to the sequence's folder."""
    video: str | None
    """The video file, relative to the folder, for sequences without images."""


def read_sequence_info(folder: Path, frame_rate: float | None) -> SequenceInfo:
    """Read ``seqinfo.ini``; ``frame_rate`` overrides its rate.

    Raises ``InputError`` where it is not valid.
    """
    ini = folder / "seqinfo.ini"
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(ini, encoding="utf-8-sig")
        if "Sequence" not in parser:
            raise configparser.NoSectionError("Sequence")
        info = parser["Sequence"]
        rate = frame_rate or float(info.get("frameRate", str(DEFAULT_FRAME_RATE)))
        length = int(info["seqLength"]) if "seqLength" in info else None
    except (configparser.Error, ValueError) as error:
        reason = " ".join(str(error).split())
        hint = "correct or remove it"
        raise InputError(f"{ini} does not describe a MOT sequence: {reason}; {hint}") from error
    if not 0 < rate < float("inf") or (length is not None and length < 1):
        raise InputError(f"{ini}: frameRate and seqLength must be positive numbers")
    return SequenceInfo(
        frame_rate=rate,
        length=length,
        image_folder=info.get("imDir", "img1"),
        video=info.get("video"),
    )
