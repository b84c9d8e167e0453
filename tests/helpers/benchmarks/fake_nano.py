"""A fake of OpenCV's NanoTrack, for machines that lack its model files."""

from types import SimpleNamespace

import cv2

from mvot_benchmarks.peers.opencv_nano import FILES

__all__ = ["FakeTrackerNano", "install_fake_nano"]


class FakeTrackerNano:
    """A fake ``cv2.TrackerNano`` that moves by two pixels a frame and is lost after three."""

    created = 0

    def __init__(self):
        type(self).created += 1

    def init(self, image, rectangle):
        assert image.shape[2] == 3
        assert all(type(edge) is int for edge in rectangle)
        self.rectangle, self.steps = rectangle, 0

    def update(self, image):
        assert image.shape[2] == 3
        self.steps += 1
        left, *rest = self.rectangle
        if self.steps > 3:
            return False, (0, 0, 0, 0)
        self.rectangle = (left + 2, *rest)
        return True, self.rectangle

    def getTrackingScore(self):  # noqa: N802
        return 1.0000001 - 0.1 * (self.steps - 1)


def install_fake_nano(folder, monkeypatch):
    """Write empty model files into a folder, and replace OpenCV's tracker by the fake."""
    for name in FILES:
        (folder / name).write_bytes(b"")
    monkeypatch.setattr(FakeTrackerNano, "created", 0)
    monkeypatch.setattr(cv2, "TrackerNano_Params", SimpleNamespace, raising=False)
    monkeypatch.setattr(
        cv2, "TrackerNano_create", lambda parameters: FakeTrackerNano(), raising=False
    )
    return folder
