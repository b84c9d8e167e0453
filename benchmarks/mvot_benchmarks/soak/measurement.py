"""``mvot-bench soak``: what a long run costs, tenth by tenth.

Memory is what the process has for itself: resident pages without those of files, such as libraries,
which the system loads and drops as it likes. Of each tenth of the run it is the median over the
frames, so that what a burst of boxes takes for a frame and gives back counts for nothing, and what
it leaves behind counts. No garbage is collected for a measurement: what waits for the collector is
memory that the process has.

Growth is that from the second tenth to the last. In the first, libraries fill their pools: an array
of a size that there was not before may enlarge one. In 5,000 frames, an engine of 300 MB that keeps
1 KB of each grows by 1.3 %.

CPU time is that of all threads of the process, without the making of the frames, and of each tenth
the mean over all but the slowest twentieth of the frames, which are those of bursts. A machine that
is busy slows it, too, by caches and cores that are shared; so it is stated at the speed that the
machine had in the first tenth, by a fixed piece of work that is timed beside it.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from mvot_benchmarks.soak.detector import GlitchingDetector, SometimesLateWorker
from mvot_benchmarks.soak.meter import Meter, Tenth
from mvot_benchmarks.soak.scene import soak_frames
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.scheduling import Adaptive
from mvot_plugin.engines.base import MotionEngine

__all__ = ["TENTHS", "TOLERANCES", "SoakResult", "measure_soak"]

TENTHS = 10
TOLERANCES = {"memory": 1.0, "cpu": 25.0, "threads": 1.0, "files": 1.0}
"""The columns that must stay flat, and from what growth on, in percent, they are not. Scenes differ
from tenth to tenth, so that CPU time varies; where it grows with the frames, it multiplies."""


@dataclass(frozen=True, kw_only=True)
class SoakResult:
    """A run of one engine."""

    engine: str
    """The engine's name."""
    runtime: str
    """What its network was to run on: auto, onnx or torch."""
    frames: int
    """Frames of the run."""
    identities: int
    """Identities that were given to targets."""
    failures: int
    """Failures of the detector."""
    tenths: tuple[Tenth, ...]
    """What each tenth of the run cost."""

    def growth(self, column: str) -> float:
        """The growth of a column of the tenths, from the second to the last, in percent."""
        before, after = (float(getattr(self.tenths[tenth], column)) for tenth in (1, -1))
        return 100 * (after - before) / before

    @property
    def grown(self) -> dict[str, float]:
        """The growth of the columns that have not stayed flat."""
        growths = {name: self.growth(name) for name in TOLERANCES}
        return {name: growth for name, growth in growths.items() if growth >= TOLERANCES[name]}


def measure_soak(
    engine: MotionEngine[Any, Any], name: str, runtime: str, frames: int, seed: int
) -> SoakResult:
    """Track the frames of a seed's scene, with glitches; prints every tenth to stderr.

    The process should have nothing else in it: what it holds besides counts.
    """
    detector, meter, identities = GlitchingDetector(seed), Meter(frames // TENTHS + 1), 0
    tenths: list[Tenth] = []
    pipeline = MotPipeline(
        detector,
        engine,
        Adaptive(),
        config=PipelineConfig(on_detector_error="coast"),
        asynchronous=partial(SometimesLateWorker, seed=seed),
    )
    with pipeline:
        for shown in soak_frames(frames, seed):
            detector.show(shown)
            with meter.frame():
                tracks = pipeline.step(shown.frame)
            identities = max(identities, *tracks.id.tolist(), 0)
            if pipeline.steps >= frames * (len(tenths) + 1) // TENTHS:
                tenths.append(meter.close_tenth())
                print(f"{name}: {_describe(tenths)}, {identities} identities", file=sys.stderr)
    return SoakResult(
        engine=name,
        runtime=runtime,
        frames=frames,
        identities=identities,
        failures=pipeline.detector_failures,
        tenths=tuple(tenths),
    )


def _describe(tenths: Sequence[Tenth]) -> str:
    """The last tenth as a line of progress."""
    last = tenths[-1]
    return (
        f"tenth {len(tenths)}: {last.memory:.1f} MB, CPU {last.cpu:.2f} and wall {last.wall:.2f} "
        f"ms a frame, {last.threads} threads, {last.files} files"
    )
