"""The description of a MOTChallenge sequence, ``seqinfo.ini``."""

import configparser
from dataclasses import dataclass
from pathlib import Path

from mvot_pipelines.sources.files.kinds import check_file, check_name
from mvot_pipelines.sources.limits import DEFAULT_FRAME_RATE, FRAME_RATES
from mvot_plugin.errors import InputError, format_value

__all__ = ["SequenceInfo", "read_sequence_info"]

_MOST_BYTES, _MOST_CHARACTERS = 1 << 16, 1000
"""Of the file, and of a line: configparser takes the square of a line's length."""
_MOST_FRAMES = 10**9


@dataclass(frozen=True, kw_only=True)
class SequenceInfo:
    """What a source needs of a sequence's description."""

    frame_rate: float
    """Frames per second."""
    length: int | None
    """The number of frames, if it is given."""
    images: Path
    """The folder of images."""
    video: Path | None
    """The video file, for sequences without images."""


def read_sequence_info(folder: Path, frame_rate: float | None) -> SequenceInfo:
    """Read ``seqinfo.ini``; ``frame_rate`` overrides its rate.

    Raises ``InputError`` where it is not valid, or names what is not in the folder: whoever made a
    sequence shall not decide what else is read.
    """
    ini = folder / "seqinfo.ini"
    try:
        info = _read_section(ini)
        rate = frame_rate or float(info.get("frameRate", str(DEFAULT_FRAME_RATE)))
        length = int(info["seqLength"]) if "seqLength" in info else None
    except (configparser.Error, ValueError) as error:
        reason = " ".join(str(error).split())
        hint = "correct or remove it"
        raise InputError(f"{ini} does not describe a MOT sequence: {reason}; {hint}") from error
    if not FRAME_RATES.least <= rate <= FRAME_RATES.most:
        raise InputError(f"{ini}: frameRate must be {FRAME_RATES.least:g} to {FRAME_RATES.most:g}")
    if length is not None and not 1 <= length <= _MOST_FRAMES:
        raise InputError(f"{ini}: seqLength must be 1 to {_MOST_FRAMES}")
    video = info.get("video")
    return SequenceInfo(
        frame_rate=rate,
        length=length,
        images=_join_inside(folder, info.get("imDir", "img1")),
        video=None if video is None else _join_inside(folder, video),
    )


def _read_section(ini: Path) -> configparser.SectionProxy:
    check_file(ini)
    if ini.stat().st_size > _MOST_BYTES:
        raise InputError(
            f"{ini} has more than {_MOST_BYTES} bytes: it is no description; remove it"
        )
    parser = configparser.ConfigParser(interpolation=None)
    text = ini.read_text(encoding="utf-8-sig")
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > _MOST_CHARACTERS:
            raise ValueError(f"line {number} has more than {_MOST_CHARACTERS} characters")
    parser.read_string(text)
    if "Sequence" not in parser:
        raise configparser.NoSectionError("Sequence")
    return parser["Sequence"]


def _join_inside(folder: Path, name: str) -> Path:
    """A path in the folder; one that leaves it is refused, and links may lead anywhere."""
    check_name(name)
    path = Path(name)
    if path.is_absolute() or path.drive or ".." in path.parts:
        raise InputError(
            f"{folder / 'seqinfo.ini'} names {format_value(name)}, which is not in its folder: put "
            "the images or the video there, or a link to them"
        )
    return folder / path
