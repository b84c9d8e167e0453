"""``mvot-run --demo``: a synthetic street, tracked from a noisy detector on every k-th frame."""

from pathlib import Path
from typing import Any

from tqdm import tqdm

from mvot_benchmarks.metrics.ground_truth import GroundTruthFrame
from mvot_benchmarks.metrics.hota import (
    HotaCounts,
    association_accuracy,
    detection_accuracy,
    hota,
)
from mvot_benchmarks.metrics.scoring import compare_boxes
from mvot_benchmarks.mot import measure_milliseconds
from mvot_pipelines.pipeline import MotPipeline
from mvot_pipelines.sinks.base import claim_output
from mvot_pipelines.sinks.video import OverlayVideoSink
from mvot_synthetic import NoisyDetector, Scene, street

__all__ = ["demo"]

_RUNS = (("lk-flow", 1), ("lk-flow", 5), ("hold", 5), ("lk-flow", 10), ("hold", 10))
_SAVED_RUN = ("lk-flow", 5)
_CLASS_NAMES = {0: "person", 1: "bicycle", 2: "car"}
_MIN_VISIBILITY = 0.25
"""Objects with a smaller visible share are ignored by the scores."""


def demo(folder: str | Path, *, quiet: bool = False) -> str:
    """Render, track and score a street of ten seconds; returns what to print.

    Writes ``street.mp4`` (detector on every 5th frame) and ``table.md`` into ``folder``. The
    scene, the detector's errors and so the scores are the same on every run; times are not.
    Raises ``OutputError`` where the folder cannot be written.
    """
    folder = Path(folder)
    scene = street(seed=3, frames=250, walkers=12, vehicles=4, cyclists=2)
    sink = OverlayVideoSink(
        folder / "street.mp4",
        frame_rate=scene.frame_rate,
        size=scene.size,
        class_names=_CLASS_NAMES,
    )
    rows = []
    bar: tqdm[Any] = tqdm(total=len(_RUNS) * len(scene), unit="frame", disable=quiet or None)
    with sink, bar:
        for engine, k in _RUNS:
            bar.set_description(f"{engine}, detector on every {k}. frame")
            video = sink if (engine, k) == _SAVED_RUN else None
            rows.append(_format_row(engine, k, *_track(scene, engine, k, video, bar)))
    heading = (
        "| engine | detector on | HOTA | DetA | AssA | motion + merging, ms/frame |\n"
        "| --- | --- | --- | --- | --- | --- |"
    )
    table = "\n".join([heading, *rows])
    with claim_output(folder / "table.md") as file:
        file.write(f"{table}\n".encode())
    return (
        f"A synthetic street: {len(scene)} frames, {scene.size[0]}x{scene.size[1]}, objects found "
        f"by a noisy detector.\n\n{table}\n\nsaved {folder / 'street.mp4'} (whole boxes: detected "
        f"on that frame, corners: estimated)\nsaved {folder / 'table.md'}"
    )


def _track(
    scene: Scene, engine: str, k: int, sink: OverlayVideoSink | None, bar: "tqdm[Any]"
) -> tuple[HotaCounts, float]:
    """What was tracked, and the milliseconds a frame for motion and merging."""
    pipeline = MotPipeline(NoisyDetector(scene, seed=3), engine, k)
    counts = HotaCounts()
    for frame, tracks in pipeline.run(scene):
        counts.add(*compare_boxes(_ground_truth(scene, frame.index), tracks))
        if sink is not None:
            sink.write(frame, tracks)
        bar.update()
    return counts, measure_milliseconds(pipeline)


def _ground_truth(scene: Scene, index: int) -> GroundTruthFrame:
    objects = scene.ground_truth(index)
    ignored = objects.visibility < _MIN_VISIBILITY
    return GroundTruthFrame(id=objects.id, xyxy=objects.xyxy, ignored=ignored)


def _format_row(engine: str, k: int, counts: HotaCounts, milliseconds: float) -> str:
    interval = "every frame" if k == 1 else f"every {k}th"
    objects, boxes = (sum(map(len, ids)) for ids in (counts.objects, counts.tracks))
    located, associated = association_accuracy(counts)
    shares = (
        hota(located, associated, objects, boxes),
        float(detection_accuracy(located, objects, boxes).mean()),
        float(associated.mean()),
    )
    cells = " | ".join(f"{100 * share:.1f}" for share in shares)
    return f"| {engine} | {interval} | {cells} | {milliseconds:.1f} |"
