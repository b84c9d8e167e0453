"""``mvot-run --demo``: a synthetic street, tracked from a noisy detector on every k-th frame."""

from pathlib import Path
from typing import Any

from tqdm import tqdm

from mvot_benchmarks.scoring import Scorer, Scores
from mvot_benchmarks.truth import TruthFrame
from mvot_pipelines.pipeline import MotPipeline
from mvot_pipelines.sinks import claim_output
from mvot_pipelines.video_sinks import OverlayVideoSink
from mvot_plugin.synthetic import NoisyDetector, Scene, street

__all__ = ["demo"]

_RUNS = (("lk-flow", 1), ("lk-flow", 5), ("hold", 5), ("lk-flow", 10), ("hold", 10))
_SHOWN = ("lk-flow", 5)
_NAMES = {0: "person", 1: "bicycle", 2: "car"}
_HIDDEN = 0.25
"""Objects of which less can be seen neither have to be tracked nor must not be."""


def demo(folder: str | Path, *, quiet: bool = False) -> str:
    """Render, track and score a street of ten seconds; returns what to print.

    Writes ``street.mp4`` (every 5th frame detected) and ``table.md`` into ``folder``. The scene,
    the detector's errors and therefore the figures are the same on every run; times are not.
    Raises ``OutputError`` where the folder cannot be written.
    """
    folder = Path(folder)
    scene = street(seed=3, frames=250, walkers=12, vehicles=4, cyclists=2)
    sink = OverlayVideoSink(
        folder / "street.mp4", frame_rate=scene.frame_rate, size=scene.size, class_names=_NAMES
    )
    rows = []
    bar: tqdm[Any] = tqdm(total=len(_RUNS) * len(scene), unit="frame", disable=quiet or None)
    with sink, bar:
        for engine, k in _RUNS:
            bar.set_description(f"{engine}, detector on every {k}. frame")
            shown = sink if (engine, k) == _SHOWN else None
            rows.append(_row(engine, k, *_track(scene, engine, k, shown, bar)))
    head = (
        "| engine | detector on | MOTA | IDF1 | id switches | motion + merging, ms/frame |\n"
        "| --- | --- | --- | --- | --- | --- |"
    )
    table = "\n".join([head, *rows])
    with claim_output(folder / "table.md") as file:
        file.write(f"{table}\n".encode())
    return (
        f"A synthetic street: {len(scene)} frames, {scene.size[0]}x{scene.size[1]}, objects found "
        f"by a noisy detector.\n\n{table}\n\nsaved {folder / 'street.mp4'} (whole frames: detected "
        f"just then, corners: estimated)\nsaved {folder / 'table.md'}"
    )


def _track(
    scene: Scene, engine: str, k: int, sink: OverlayVideoSink | None, bar: "tqdm[Any]"
) -> tuple[Scores, float]:
    """Scores, and milliseconds a frame for all but decoding, detecting and writing."""
    pipeline = MotPipeline(NoisyDetector(scene, seed=3), engine, k)
    scorer = Scorer()
    for frame, tracks in pipeline.run(scene):
        scorer.add(_truth(scene, frame.index), tracks)
        if sink is not None:
            sink.write(frame, tracks)
        bar.update()
    seconds = pipeline.timer.seconds
    return scorer.scores(), 1e3 * (seconds["motion"] + seconds["associate"]) / len(scene)


def _truth(scene: Scene, index: int) -> TruthFrame:
    truth = scene.truth(index)
    return TruthFrame(id=truth.id, xyxy=truth.xyxy, ignored=truth.visibility < _HIDDEN)


def _row(engine: str, k: int, scores: Scores, milliseconds: float) -> str:
    when = "every frame" if k == 1 else f"every {k}th"
    return (
        f"| {engine} | {when} | {100 * scores.mota:.1f} | {100 * scores.idf1:.1f} "
        f"| {scores.switches} | {milliseconds:.1f} |"
    )
