"""Pages of runs, served in tests."""

from contextlib import contextmanager

import numpy as np

from mvot_pipelines.report import RunReport
from mvot_plugin.types import Frame, Tracks

__all__ = ["Clock", "make_frame", "make_tracks", "serve_run", "start_report"]

TOKEN = "a-token-of-the-tests"


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def start_report(**settings):
    settings = {"name": "street", "frame_rate": 25.0, **settings}
    report = RunReport(engine="hold", detector="own", detect_every=5, **settings)
    report.detector_failures = 2
    return report


def make_frame(index=0, *, size=(64, 48), captured=np.nan):
    image = np.full((size[1], size[0], 3), 40 + index % 200, np.uint8)
    return Frame(image=image, index=index, timestamp=index / 25, captured=captured)


def make_tracks(*ids, class_id=0):
    boxes = np.array([[4, 6, 24, 40]] * len(ids), np.float32).reshape(-1, 4)
    return Tracks(
        id=np.array(ids, np.int64),
        xyxy=boxes,
        score=np.full(len(ids), 0.75, np.float32),
        class_id=np.full(len(ids), class_id),
        detected=np.array([one % 2 == 1 for one in ids], np.bool_),
    )


@contextmanager
def serve_run(**settings):
    """A sink on any free port, and a client of it; the token, if any, is not in its address."""
    import httpx

    from mvot_pipelines.serve import ServeSink

    settings.setdefault("report", start_report())
    with ServeSink(0, **settings) as sink, httpx.Client(base_url=sink.url.split("?")[0]) as client:
        yield sink, client
