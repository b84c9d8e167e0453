"""A run's numbers for Prometheus."""

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from mvot_pipelines.counting import Count
from mvot_pipelines.report import STAGES
from mvot_pipelines.serve.history import LATENCY_BOUNDS
from mvot_pipelines.serve.state import LiveState
from mvot_plugin.errors import escape_line

__all__ = ["RunMetrics"]


class RunMetrics(Collector):
    """Reads the numbers of a run when they are asked for."""

    def __init__(self, state: LiveState) -> None:
        self._state = state
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def render(self) -> bytes:
        """The numbers in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """The numbers as families of metrics."""
        state, report = self._state, self._state.report
        rate, latencies, latency_sum = state.read_history()
        shot = state.latest
        frames, now = (shot.number, len(shot.tracks)) if shot else (0, 0)
        for name, text, count in (
            ("frames", "Frames written", frames),
            ("dropped_frames", "Frames of a live source that were not looked at", report.dropped),
            ("detector_calls", "Frames that the detector was given", report.detector_calls),
            ("detector_failures", "Calls of the detector that failed", report.detector_failures),
            ("tracks", "Tracks that began", state.track_total),
        ):
            yield CounterMetricFamily(f"mvot_{name}", text, value=count)
        for name, text, value in (
            ("tracks_now", "Tracks on the newest frame", now),
            ("frames_per_second", "Frames per second over the last five seconds", rate),
            ("frame_age_seconds", "Seconds since the newest frame, or since the start", state.age),
        ):
            yield GaugeMetricFamily(f"mvot_{name}", text, value=value)
        text = "Seconds from the capture of a frame until it was written"
        yield HistogramMetricFamily(
            "mvot_latency_seconds", text, buckets=_accumulate(latencies), sum_value=latency_sum
        )
        stages = CounterMetricFamily(
            "mvot_stage_seconds", "Seconds that a stage took in its own thread", labels=["stage"]
        )
        for stage in STAGES:
            stages.add_metric([stage], report.work(stage))
        yield stages
        yield from _collect_counts(shot.counts if shot else ())


def _collect_counts(counts: Sequence[Count]) -> Iterator[Metric]:
    """What lines and zones have counted; families without any are left out."""
    lines, entered, inside = (
        CounterMetricFamily("mvot_line_crossings", "Tracks over a line", labels=["line", "to"]),
        CounterMetricFamily("mvot_zone_entered", "Tracks that were in a zone", labels=["zone"]),
        GaugeMetricFamily("mvot_zone_inside", "Tracks that are in a zone", labels=["zone"]),
    )
    for count in counts:
        name = escape_line(count.name)
        if count.kind == "line":
            lines.add_metric([name, "in"], count.entered)
            lines.add_metric([name, "out"], count.left)
        else:
            entered.add_metric([name], count.entered)
            inside.add_metric([name], count.inside)
    yield from (family for family in (lines, entered, inside) if family.samples)


def _accumulate(numbers: list[int]) -> list[tuple[str, int]]:
    """The numbers of latencies up to each bound, as Prometheus counts them."""
    bounds = [*map(str, LATENCY_BOUNDS), "+Inf"]
    return [(bound, sum(numbers[: row + 1])) for row, bound in enumerate(bounds)]
