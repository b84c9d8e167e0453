"""What cutting a recording into pieces costs: IDF1 of the unbroken run and of joined pieces.

    python tests/pipelines/cluster/measure_joining.py --seconds 240 --seed 31

It renders a street, detects on every 5th frame, and tracks it in one process, without Ray: pieces
are the same there.
"""

import argparse
import tempfile
from pathlib import Path

import av

from mvot_benchmarks.metrics.ground_truth import GroundTruthFrame
from mvot_benchmarks.metrics.scoring import Scorer
from mvot_pipelines.cluster.config import ClusterConfig
from mvot_pipelines.cluster.joining import Joiner
from mvot_pipelines.cluster.pieces.cutting import cut_recording
from mvot_pipelines.cluster.worker import Worker
from mvot_pipelines.config import RunConfig
from mvot_pipelines.streams.stream import open_configured_source
from mvot_synthetic import NoisyDetector, street

RATE, LEAST_VISIBLE = 25, 0.25


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=240)
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--overlap", type=float, nargs="*", default=[5.0, 15.0])
    parser.add_argument("--piece", type=float, nargs="*", default=[60.0])
    options = parser.parse_args()
    scene = street(
        options.seed,
        size=(640, 360),
        frames=options.seconds * RATE,
        walkers=options.seconds * 4 // 3,
        vehicles=options.seconds // 6,
        cyclists=options.seconds // 9,
        pan=0.3,
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truth = write(scene, folder, options.seed)
        whole = ClusterConfig(piece=1e6, overlap=5.0)
        print(f"{'unbroken':<24}{track(folder, whole, truth)}")
        for piece in options.piece:
            for overlap in options.overlap:
                cut = ClusterConfig(piece=piece, overlap=overlap)
                print(f"{f'{piece:g} s, overlap {overlap:g} s':<24}{track(folder, cut, truth)}")


def write(scene, folder, seed):
    """Write the video and its detections; returns the ground truth."""
    detector = NoisyDetector(scene, seed=seed, recall=0.85, false_positives=0.1, jitter=0.04)
    truth, rows = [], []
    with av.open(str(folder / "street.mp4"), "w") as video:
        stream = video.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *scene.size, "yuv420p"
        stream.gop_size, stream.options = 50, {"preset": "veryfast", "crf": "23"}
        for frame in scene:
            found = scene.ground_truth(frame.index)
            hidden = found.visibility < LEAST_VISIBLE
            truth.append(GroundTruthFrame(id=found.id, xyxy=found.xyxy, ignored=hidden))
            if frame.index % 5 == 0:
                seen = detector(frame)
                for (x0, y0, x1, y1), score in zip(seen.xyxy, seen.confidence, strict=True):
                    box = f"{x0 + 1:.2f},{y0 + 1:.2f},{x1 - x0:.2f},{y1 - y0:.2f}"
                    rows.append(f"{frame.index + 1},-1,{box},{score:.4f}\n")
            for packet in stream.encode(av.VideoFrame.from_ndarray(frame.image, format="bgr24")):
                video.mux(packet)
        for packet in stream.encode():
            video.mux(packet)
    (folder / "det.txt").write_text("".join(rows))
    return truth


def track(folder, cluster, truth):
    """Track in pieces, join them and score them; returns a line."""
    detections, source = str(folder / "det.txt"), str(folder / "street.mp4")
    config = RunConfig(source=source, detections=detections, threads=1)
    worker, joiner, scorer = Worker(config, str(folder)), Joiner(config.pipeline), Scorer()
    with open_configured_source(config) as opened:
        pieces = cut_recording(config, opened, cluster)
    for piece in pieces:
        result = worker.track(config, piece)
        assert joiner.fits(result)
        for _, frame, tracks in joiner.add(result):
            scorer.add(truth[frame.index], tracks)
    scores = scorer.scores()
    return (
        f"{len(pieces)} pieces, IDF1 {100 * scores.idf1:.1f}, HOTA {100 * scores.hota:.1f}, "
        f"{scores.switches} switches; {joiner.joined} joined, {joiner.returned} returned"
    )


if __name__ == "__main__":
    main()
