"""The detectors to benchmark with: public detections or one by name, as it is or perturbed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mvot_benchmarks import datasets
from mvot_plugin.detectors import Detector, as_detections, load_detector
from mvot_plugin.errors import UsageError
from mvot_plugin.registry import registered_names
from mvot_plugin.types import Detections, Frame

__all__ = ["PUBLIC", "DetectorChoice", "PerturbedDetector", "load_detectors"]

PUBLIC = "replay"
"""The public detections of each sequence, ``det.txt``."""
_REPLAY = f"{PUBLIC}:"
_PERSON = "person"


@dataclass(frozen=True, kw_only=True)
class DetectorChoice:
    """A detector to benchmark with."""

    name: str = PUBLIC
    """The name in tables."""
    detector: Detector | None = None
    """None means each sequence's public detections."""
    conf: float | None = None
    """The least score of public detections, in the file's own scale."""

    @property
    def is_replayed(self) -> bool:
        """Whether detections come from a file, whose confidences may have any scale."""
        return _is_replayed(self.name)

    def for_sequence(self, sequence: datasets.Sequence, run: int = 0) -> Detector:
        """The detector for a sequence; perturbed in a ``run`` from 1 on.

        Raises ``InputError`` where public detections are asked for and the sequence has none.
        """
        detector = sequence.detector(self.conf) if self.detector is None else self.detector
        return PerturbedDetector(detector=detector, run=run) if run else detector


@dataclass(frozen=True, kw_only=True)
class PerturbedDetector:
    """A detector whose detections are dropped and jittered a little, to tell quality from luck.

    The errors depend on ``run`` and the frame's index only.
    """

    detector: Detector
    """The detector to perturb."""
    run: int
    """The seed."""
    drop: float = 0.03
    """Share of the detections that are dropped."""
    jitter: float = 0.02
    """Standard deviation of each edge's error, in widths or heights of the box."""

    def __call__(self, frame: Frame, /) -> Detections:
        """The detections that are left; boxes narrower or lower than a pixel are dropped too."""
        detections = as_detections(self.detector(frame))
        count, boxes = len(detections), detections.xyxy
        rng = np.random.default_rng([self.run, frame.index])
        kept = rng.random(count) >= self.drop
        sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        moved = (boxes + sides * self.jitter * rng.standard_normal((count, 4))).astype(np.float32)
        kept &= (moved[:, 2:] > moved[:, :2] + 1).all(1)
        return replace(detections, xyxy=moved)[kept]


def load_detectors(
    names: Sequence[str],
    *,
    conf: float | None = None,
    classes: str | None = None,
    device: str = "auto",
) -> list[DetectorChoice]:
    """Load each detector of ``names``: "replay", or what ``load_detector`` takes.

    ``classes`` None means persons where the detector is a model. Raises ``UsageError`` for
    two detectors of the same name in tables, and for ``classes`` where all detections are replayed
    (they carry no classes), besides what ``load_detector`` raises.
    """
    short_names = [_short_name(name) for name in names]
    for name in short_names:
        if short_names.count(name) > 1:
            raise UsageError(f"two detectors are called {name!r}; rename the file of one")
    if classes is not None and all(map(_is_replayed, names)):
        raise UsageError("--classes needs a --detector; replayed detections carry no classes")
    return [
        DetectorChoice(name=short, conf=conf)
        if name == PUBLIC
        else DetectorChoice(
            name=short,
            detector=load_detector(
                name, conf=conf, classes=_select_classes(name, classes), device=device
            ),
        )
        for name, short in zip(names, short_names, strict=True)
    ]


def _short_name(name: str) -> str:
    """A detector's name in tables, without the folders of its file."""
    kind, path = (_REPLAY, name[len(_REPLAY) :]) if name.startswith(_REPLAY) else ("", name)
    return f"{kind}{Path(path).name}"


def _is_replayed(name: str) -> bool:
    return name == PUBLIC or name.startswith(_REPLAY)


def _select_classes(name: str, classes: str | None) -> str | None:
    """The classes to select; a detector of another package may not know persons."""
    if _is_replayed(name):
        return None
    registered = name in registered_names("mvot_plugin.detectors")
    return _PERSON if classes is None and not registered else classes
