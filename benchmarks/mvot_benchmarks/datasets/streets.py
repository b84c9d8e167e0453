"""Rendered streets as MOT sequences: a dozen that differ in camera, traffic, detector and rate."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, Int64

from mvot_pipelines.sinks.base import claim_output
from mvot_pipelines.sources.quiet import silence_opencv
from mvot_plugin.errors import OutputError
from mvot_plugin.types import XYXY
from mvot_synthetic import NoisyDetector, Scene, street

__all__ = ["STREETS", "StreetConfig", "write_street", "write_streets"]

_MIN_VISIBILITY = 0.25
"""Objects with a smaller visible share are not evaluated: their flag is 0."""
_JITTER = 0.04
"""Standard deviation of the detector's errors, in sizes of the box."""


@dataclass(frozen=True, kw_only=True)
class StreetConfig:
    """A street, its camera and its detector; ``mvot_synthetic.street`` and ``NoisyDetector``."""

    seed: int
    """The seed of scene and detector, and the number in the sequence's name."""
    frames: int
    """The number of frames."""
    frame_rate: int
    """In frames per second."""
    walkers: int
    """Pedestrians in the whole scene."""
    vehicles: int
    """Vehicles in the whole scene."""
    cyclists: int
    """Cyclists in the whole scene, each a person and a bicycle."""
    pan: float
    """The range of the camera, in image widths; 0 is a fixed one."""
    size: tuple[int, int]
    """Width and height, in pixels."""
    recall: float
    """The detector's probability to find a fully visible object."""
    false_positives: float
    """The detector's mean number of false boxes a frame."""

    @property
    def name(self) -> str:
        """The name of the sequence, and of its folder."""
        return f"street-{self.seed}"

    def scene(self) -> Scene:
        """The street, rendered frame by frame when it is iterated over."""
        return street(
            self.seed,
            size=self.size,
            frames=self.frames,
            frame_rate=self.frame_rate,
            walkers=self.walkers,
            vehicles=self.vehicles,
            cyclists=self.cyclists,
            pan=self.pan,
        )

    def detector(self, scene: Scene) -> NoisyDetector:
        """The detector of the street."""
        return NoisyDetector(
            scene,
            seed=self.seed,
            recall=self.recall,
            false_positives=self.false_positives,
            jitter=_JITTER,
        )


# fmt: off
STREETS = (
    StreetConfig(seed=101, frames=200, frame_rate=25, size=(640, 480), pan=0.5,
                 walkers=10, vehicles=3, cyclists=1, recall=0.92, false_positives=0.05),
    StreetConfig(seed=102, frames=200, frame_rate=30, size=(640, 480), pan=0.0,
                 walkers=16, vehicles=2, cyclists=2, recall=0.85, false_positives=0.1),
    StreetConfig(seed=103, frames=120, frame_rate=7, size=(640, 480), pan=0.3,
                 walkers=12, vehicles=2, cyclists=1, recall=0.9, false_positives=0.1),
    StreetConfig(seed=104, frames=150, frame_rate=10, size=(960, 540), pan=0.0,
                 walkers=20, vehicles=3, cyclists=1, recall=0.85, false_positives=0.2),
    StreetConfig(seed=105, frames=200, frame_rate=25, size=(960, 540), pan=0.8,
                 walkers=24, vehicles=0, cyclists=2, recall=0.9, false_positives=0.1),
    StreetConfig(seed=106, frames=160, frame_rate=15, size=(640, 480), pan=1.0,
                 walkers=8, vehicles=5, cyclists=2, recall=0.8, false_positives=0.2),
    StreetConfig(seed=107, frames=220, frame_rate=25, size=(640, 360), pan=0.2,
                 walkers=20, vehicles=2, cyclists=0, recall=0.75, false_positives=0.1),
    StreetConfig(seed=108, frames=200, frame_rate=20, size=(640, 480), pan=0.6,
                 walkers=14, vehicles=4, cyclists=3, recall=0.92, false_positives=0.3),
    StreetConfig(seed=109, frames=120, frame_rate=7, size=(640, 480), pan=0.0,
                 walkers=18, vehicles=1, cyclists=0, recall=0.85, false_positives=0.05),
    StreetConfig(seed=110, frames=180, frame_rate=12, size=(800, 600), pan=0.9,
                 walkers=10, vehicles=2, cyclists=1, recall=0.9, false_positives=0.1),
    StreetConfig(seed=111, frames=240, frame_rate=30, size=(960, 540), pan=0.4,
                 walkers=28, vehicles=2, cyclists=1, recall=0.8, false_positives=0.1),
    StreetConfig(seed=112, frames=200, frame_rate=25, size=(640, 480), pan=0.7,
                 walkers=6, vehicles=6, cyclists=2, recall=0.9, false_positives=0.2),
)
# fmt: on
"""The streets that ``mvot-bench streets`` writes; chosen once, and never changed: what has been
measured on them refers to them by name."""


def write_streets(folder: str | Path, streets: Sequence[StreetConfig] = STREETS) -> Iterator[Path]:
    """Write each street into a folder of its own in ``folder``; yields their paths one by one.

    The annotations and detections are the same bytes on every run, the videos those of the
    encoder. Raises ``OutputError``, before anything is rendered, if the folder of one of them
    exists and is not empty; and where one cannot be written.
    """
    folder = Path(folder)
    for config in streets:
        _check_is_free(folder / config.name)
    for config in streets:
        yield write_street(config, folder)


def write_street(config: StreetConfig, folder: str | Path) -> Path:
    """Write a street as a MOT sequence, ``folder``/street-SEED; returns its path.

    It holds ``video.mp4``, ``gt/gt.txt`` (flag 0 where less than a quarter of an object is
    visible), ``det/det.txt`` and, last, ``seqinfo.ini``. Raises ``OutputError`` where it exists
    and is not empty, or cannot be written.
    """
    path, scene = Path(folder) / config.name, config.scene()
    _check_is_free(path)
    detector = config.detector(scene)
    ground_truth, detections = [], []
    with _open_video(path / "video.mp4", config) as video:
        for frame in scene:
            video.write(frame.image)
            objects, found = scene.ground_truth(frame.index), detector(frame)
            flags = (objects.visibility >= _MIN_VISIBILITY).astype(np.float32)
            ground_truth += _format_rows(frame.index, objects.id, objects.xyxy, flags)
            no_ids = np.full(len(found), -1)
            detections += _format_rows(frame.index, no_ids, found.xyxy, found.confidence)
    _write_text(path / "gt" / "gt.txt", "".join(ground_truth))
    _write_text(path / "det" / "det.txt", "".join(detections))
    _write_text(path / "seqinfo.ini", _format_seqinfo(config))
    return path


def _check_is_free(path: Path) -> None:
    """Raise ``OutputError`` for what exists, unless it is an empty folder."""
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise OutputError(f"{path} exists already: delete it, or name another folder")


def _format_rows(
    index: int,
    ids: Int64[np.ndarray, " n"],
    boxes: Float32[XYXY, " n"],
    scores: Float32[np.ndarray, " n"],
) -> list[str]:
    """MOTChallenge rows of one frame; frames and pixels count from 1."""
    corner, extent = boxes[:, :2] + 1, boxes[:, 2:] - boxes[:, :2]
    ltwh = np.concatenate([corner, extent], axis=1).tolist()
    return [
        f"{index + 1},{number},{','.join(f'{value:.2f}' for value in box)},{score:.4g},-1,-1,-1\n"
        for number, box, score in zip(ids.tolist(), ltwh, scores.tolist(), strict=True)
    ]


def _format_seqinfo(config: StreetConfig) -> str:
    width, height = config.size
    return (
        f"[Sequence]\nname={config.name}\nvideo=video.mp4\nframeRate={config.frame_rate}\n"
        f"seqLength={config.frames}\nimWidth={width}\nimHeight={height}\n"
    )


def _write_text(path: Path, text: str) -> None:
    try:
        with claim_output(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


@contextmanager
def _open_video(path: Path, config: StreetConfig) -> Iterator[cv2.VideoWriter]:
    """A writer of MPEG-4, closed afterwards; raises ``OutputError`` where that fails."""
    claim_output(path).close()
    with silence_opencv():
        writer = cv2.VideoWriter(
            str(path), cv2.VideoWriter.fourcc(*"mp4v"), config.frame_rate, config.size
        )
    if not writer.isOpened():
        raise OutputError(f"cannot write {path}: OpenCV cannot encode MPEG-4 video")
    try:
        yield writer
    finally:
        writer.release()
    with silence_opencv():
        video = cv2.VideoCapture(str(path))
    readable = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    video.release()
    if readable < config.frames:
        raise OutputError(
            f"{path} holds only {readable} of {config.frames} frames: check that the disk is not "
            "full, delete the folder and run again"
        )
