"""Pages of runs, served in tests."""

import json
from contextlib import contextmanager

import cv2
import numpy as np

from mvot_pipelines.report import RunReport
from mvot_plugin.types import Frame, Tracks

__all__ = [
    "TOKEN",
    "Clock",
    "decode",
    "make_frame",
    "make_tracks",
    "open_streams",
    "read_message",
    "read_metrics",
    "serve_page",
    "serve_run",
    "start_report",
]

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
def serve_page(**settings):
    """A page on any free port, and a client of it; the token, if any, is not in its address."""
    import httpx

    from mvot_pipelines.serve import Page

    with Page(0, **settings) as page, httpx.Client(base_url=page.url.split("?")[0]) as client:
        yield page, client


@contextmanager
def serve_run(*, report=None, class_names=None, **settings):
    """The sink of the only stream of a page, and a client of the page."""
    with (
        serve_page(**settings) as (page, client),
        page.open_stream(report or start_report(), class_names) as sink,
    ):
        yield sink, client


def open_streams(page, *names):
    return [page.open_stream(start_report(name=name)) for name in names]


def decode(jpeg):
    """The image of a JPEG file."""
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def read_message(client, stream=None):
    """The next message with the numbers of all streams, and all of one."""
    with client.stream("GET", "/events", params={"stream": stream} if stream else {}) as answer:
        return json.loads(next(answer.iter_lines()).removeprefix("data: "))


def read_metrics(client, stream):
    """The metrics of a stream by their names and the values of their other labels."""
    from prometheus_client.parser import text_string_to_metric_families

    return {
        (
            sample.name.removeprefix("mvot_"),
            *(sample.labels[k] for k in sample.labels if k != "stream"),
        ): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
        if sample.labels["stream"] == stream
    }
