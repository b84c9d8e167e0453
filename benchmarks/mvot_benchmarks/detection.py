"""The detectors that pipelines are measured with: a sequence's own detections, or one by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mvot_benchmarks.datasets import Sequence as Recorded
from mvot_plugin.detectors import Detector, load_detector
from mvot_plugin.errors import UsageError
from mvot_plugin.registry import registered_names

__all__ = ["PUBLIC", "DetectorChoice", "load_detectors"]

PUBLIC = "replay"
"""The public detections of each sequence, ``det.txt``."""
_REPLAY = f"{PUBLIC}:"
_PERSON = "person"


@dataclass(frozen=True, kw_only=True)
class DetectorChoice:
    """A detector and what rows call it; None stands for each sequence's public detections.

    ``conf`` is the least score of these, in the file's own scale.
    """

    name: str = PUBLIC
    detector: Detector | None = None
    conf: float | None = None

    @property
    def replayed(self) -> bool:
        """Whether its confidences are a file's, whose scale may have been another."""
        return _replayed(self.name)

    def on(self, sequence: Recorded) -> Detector:
        """What detects on a sequence; raises ``InputError`` where it has no public detections."""
        return sequence.detector(self.conf) if self.detector is None else self.detector


def load_detectors(
    names: Sequence[str],
    *,
    conf: float | None = None,
    classes: str | None = None,
    device: str = "auto",
) -> list[DetectorChoice]:
    """Each detector of ``names``, loaded once: "replay", or what ``load_detector`` takes.

    ``classes`` None is persons for a model; replayed detections carry no classes. Raises
    ``UsageError`` for two that rows could not tell apart, and for ``classes`` that no detector
    takes, besides what ``load_detector`` raises.
    """
    called = [_called(name) for name in names]
    for name in called:
        if called.count(name) > 1:
            raise UsageError(f"two detectors are called {name!r}; rename the file of one")
    if classes is not None and all(map(_replayed, names)):
        raise UsageError("--classes needs a --detector; replayed detections carry no classes")
    return [
        DetectorChoice(name=short, conf=conf)
        if name == PUBLIC
        else DetectorChoice(
            name=short,
            detector=load_detector(name, conf=conf, classes=_classes(name, classes), device=device),
        )
        for name, short in zip(names, called, strict=True)
    ]


def _called(name: str) -> str:
    """A detector's name in rows, without the folders of its file."""
    kind, path = (_REPLAY, name[len(_REPLAY) :]) if name.startswith(_REPLAY) else ("", name)
    return f"{kind}{Path(path).name}"


def _replayed(name: str) -> bool:
    return name == PUBLIC or name.startswith(_REPLAY)


def _classes(name: str, classes: str | None) -> str | None:
    """What to ask of a detector; one of another package may have no person among its classes."""
    if _replayed(name):
        return None
    registered = name in registered_names("mvot_plugin.detectors")
    return _PERSON if classes is None and not registered else classes
