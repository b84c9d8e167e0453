"""The numbers of streams for Prometheus."""

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from mvot_pipelines.report import STAGES
from mvot_pipelines.serve.history import LATENCY_BOUNDS
from mvot_pipelines.serve.state import STATUSES, LiveState
from mvot_pipelines.serve.streams import LiveStreams
from mvot_plugin.errors import escape_line

__all__ = ["StreamMetrics"]


class StreamMetrics(Collector):
    """Reads the numbers of streams when they are asked for; each has the label ``stream``.

    What is true of a moment is left out for streams that have ended, but for their status.
    """

    def __init__(self, streams: LiveStreams) -> None:
        self._streams = streams
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def render(self) -> bytes:
        """The numbers in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """The numbers as families of metrics."""
        states = self._streams.states()
        yield from _collect_totals(states)
        yield from _collect_present(states)
        yield _collect_latencies(states)
        yield _collect_stages(states)
        yield from _collect_counts(states)


def _collect_totals(states: Sequence[LiveState]) -> Iterator[Metric]:
    """What only grows."""
    families = [
        CounterMetricFamily(f"mvot_{name}", text, labels=["stream"])
        for name, text in (
            ("frames", "Frames written"),
            ("dropped_frames", "Frames of a live source that were not looked at"),
            ("detector_calls", "Frames that the detector was given"),
            ("detector_failures", "Calls of the detector that failed"),
            ("tracks", "Tracks that began"),
        )
    ]
    for state in states:
        report, shot = state.report, state.latest
        frames = shot.number if shot else 0
        values = frames, report.dropped, report.detector_calls, report.detector_failures
        for family, value in zip(families, (*values, state.track_total), strict=True):
            family.add_metric([state.name], value)
    yield from families


def _collect_present(states: Sequence[LiveState]) -> Iterator[Metric]:
    """What is true of this moment."""
    tracks, rate, age, status = (
        GaugeMetricFamily(f"mvot_{name}", text, labels=["stream", *labels])
        for name, text, *labels in (
            ("tracks_now", "Tracks on the newest frame"),
            ("frames_per_second", "Frames per second over the last five seconds"),
            ("frame_age_seconds", "Seconds since the newest frame, or since the start"),
            ("stream_status", "1 for what the stream does, 0 for what it may do", "status"),
        )
    )
    for state in states:
        now, shot = state.status, state.latest
        for one in STATUSES:
            status.add_metric([state.name, one], float(one == now))
        if not state.has_ended:
            tracks.add_metric([state.name], len(shot.tracks) if shot else 0)
            rate.add_metric([state.name], state.read_history()[0])
            age.add_metric([state.name], state.age)
    yield from (tracks, rate, age, status)


def _collect_latencies(states: Sequence[LiveState]) -> Metric:
    family = HistogramMetricFamily(
        "mvot_latency_seconds",
        "Seconds from the capture of a frame until it was written",
        labels=["stream"],
    )
    for state in states:
        _, latencies, latency_sum = state.read_history()
        family.add_metric([state.name], _accumulate(latencies), latency_sum)
    return family


def _collect_stages(states: Sequence[LiveState]) -> Metric:
    family = CounterMetricFamily(
        "mvot_stage_seconds",
        "Seconds that a stage took in its own thread",
        labels=["stream", "stage"],
    )
    for state in states:
        for stage in STAGES:
            family.add_metric([state.name, stage], state.report.work(stage))
    return family


def _collect_counts(states: Sequence[LiveState]) -> Iterator[Metric]:
    """What lines and zones have counted; families without any are left out."""
    lines = CounterMetricFamily(
        "mvot_line_crossings", "Tracks over a line", labels=["stream", "line", "to"]
    )
    entered = CounterMetricFamily(
        "mvot_zone_entered", "Tracks that were in a zone", labels=["stream", "zone"]
    )
    inside = GaugeMetricFamily(
        "mvot_zone_inside", "Tracks that are in a zone", labels=["stream", "zone"]
    )
    for state in states:
        for count in state.latest.counts if state.latest else ():
            name = escape_line(count.name)
            if count.kind == "line":
                lines.add_metric([state.name, name, "in"], count.entered)
                lines.add_metric([state.name, name, "out"], count.left)
            else:
                entered.add_metric([state.name, name], count.entered)
                if not state.has_ended:
                    inside.add_metric([state.name, name], count.inside)
    yield from (family for family in (lines, entered, inside) if family.samples)


def _accumulate(numbers: list[int]) -> list[tuple[str, int]]:
    """The numbers of latencies up to each bound, as Prometheus counts them."""
    bounds = [*map(str, LATENCY_BOUNDS), "+Inf"]
    return [(bound, sum(numbers[: row + 1])) for row, bound in enumerate(bounds)]
