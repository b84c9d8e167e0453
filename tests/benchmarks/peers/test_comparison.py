"""`mvot-bench peers`."""

import numpy as np
import pytest

from helpers.benchmarks.moving_sequence import IMAGE, box_at, make_scores, write_sequence
from mvot_benchmarks.cli import main
from mvot_benchmarks.detectors import DetectorChoice
from mvot_benchmarks.peers import TRACKERS, PeerTracker
from mvot_benchmarks.peers.base import PeerConfig
from mvot_benchmarks.peers.comparison import PeerResult, evaluate, format_table
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Detections, Frame, Tracks


@pytest.fixture
def sequence(tmp_path):
    return write_sequence(tmp_path / "MOVES")


def frame_at(index):
    return Frame(image=IMAGE, index=index, timestamp=index / 10)


def run_peer(name, k, frames=13, has_detector_scores=True):
    """A peer's tracks on each frame, from perfect detections on every k-th."""
    peer = TRACKERS[name][1](
        PeerConfig(k=k, frame_rate=10.0, has_detector_scores=has_detector_scores)
    )
    assert isinstance(peer, PeerTracker)
    detections = {i: Detections.of([box_at(i)], 0.9, 2) for i in range(0, frames, k)}
    return [peer.step(frame_at(i), detections.get(i)) for i in range(frames)]


def left_edges(tracks, start):
    """One track with one identity from ``start`` on; its left edges."""
    later = tracks[start:]
    assert {tuple(one.id) for one in later} == {tuple(later[0].id)}
    assert all(len(one) == 1 and one.id[0] >= 1 and one.class_id[0] == 2 for one in later)
    return np.array([one.xyxy[0, 0] for one in later])


def test_norfair_moves_boxes_between_detections():
    pytest.importorskip("norfair")
    tracks = run_peer("norfair", 4)
    left = left_edges(tracks, 8)
    assert np.allclose(left, [box_at(i)[0] for i in range(8, 13)], atol=2.5)
    assert (np.diff(left) > 0.5).all()
    assert [bool(one.detected[0]) for one in tracks[8:]] == [True, False, False, False, True]
    assert tracks[-1].score[0] == pytest.approx(0.9)


def test_norfair_drops_an_object_that_is_no_longer_detected():
    pytest.importorskip("norfair")
    peer = TRACKERS["norfair"][1](PeerConfig(k=1, frame_rate=10.0, has_detector_scores=True))
    shown = [peer.step(frame_at(i), Detections.of([box_at(i)], 0.9)) for i in range(12)]
    assert len(shown[-1]) == 1
    gone = [peer.step(frame_at(i), Detections.empty()) for i in range(12, 30)]
    assert len(gone[-1]) == 0


@pytest.mark.parametrize("scored", [True, False])
def test_bytetrack_holds_the_last_boxes_between_detections(scored):
    pytest.importorskip("trackers")
    tracks = run_peer("bytetrack", 4, has_detector_scores=scored)
    left = left_edges(tracks, 4)
    assert left.tolist() == [8, 8, 8, 8, 16, 16, 16, 16, 24]
    assert [bool(one.detected[0]) for one in tracks[8:]] == [True, False, False, False, True]
    assert tracks[-1].score[0] == pytest.approx(0.9 if scored else 1)


def test_bytetrack_has_no_tracks_after_an_empty_detection():
    pytest.importorskip("trackers")
    peer = TRACKERS["bytetrack"][1](PeerConfig(k=1, frame_rate=10.0, has_detector_scores=True))
    shown = [peer.step(frame_at(i), Detections.of([box_at(i)], 0.9)) for i in range(4)]
    assert len(shown[-1]) == 1
    assert len(peer.step(frame_at(4), Detections.empty())) == 0
    assert len(peer.step(frame_at(5), None)) == 0


class Echo:
    """Reports the last detections; ``detector_frames`` are the frames that had any."""

    def __init__(self, config):
        self.config, self.detector_frames, self.last = config, [], Tracks.empty()

    def step(self, frame, detections):
        if detections is not None:
            self.detector_frames.append(frame.index)
            columns = {"score": detections.confidence, "class_id": detections.class_id}
            number = np.arange(1, len(detections) + 1)
            detected = np.ones(len(detections), np.bool_)
            self.last = Tracks(id=number, xyxy=detections.xyxy, detected=detected, **columns)
        return self.last


def test_a_peer_gets_every_kth_frame_and_is_scored_as_engines_are(sequence):
    built = []

    def build(config):
        built.append(Echo(config))
        return built[-1]

    choice = DetectorChoice()
    result = evaluate(sequence, "echo", build, 5, choice)
    assert built[0].config == PeerConfig(k=5, frame_rate=10.0, has_detector_scores=False)
    assert built[0].detector_frames == [0, 5, 10]
    assert result.scores.objects == 12
    assert (result.scores.mota, result.k, result.detector) == (1.0, 5, "replay")
    assert evaluate(sequence, "echo", build, 1, choice).scores.switches == 0
    with pytest.raises(UsageError, match="--detect-every must be 1 or more, got 0"):
        evaluate(sequence, "echo", build, 0, choice)


def result(engine, k, mota, idf1, sequence="TUD", run=0):
    shares = {"mota": mota, "idf1": idf1, "hota": 0.3}
    common = {
        "sequence": sequence,
        "run": run,
        "detector": "replay",
        "milliseconds": 2.0,
        "frames": 9,
    }
    counts = {"switches": 1, "false_positives": 2, "misses": 3}
    return PeerResult(engine=engine, k=k, scores=make_scores(**shares, **counts), **common)


def test_the_best_at_each_k_is_bold_after_rounding():
    rows = [result("ours", 1, 0.5, 0.4), result("theirs", 1, 0.49999, 0.6)]
    lines = format_table([*rows, result("ours", 5, -0.2, 0.1)]).splitlines()
    assert lines[0] == "| TUD: MOTA / IDF1 / HOTA | k = 1 | k = 5 | ms/frame |"
    best = "**-20.0** / **10.0** / **30.0**"
    assert lines[2] == f"| ours | **50.0** / 40.0 / **30.0** | {best} | 2.0 |"
    assert lines[3] == "| theirs | **50.0** / **60.0** / **30.0** |  | 2.0 |"
    assert lines[5] == "| TUD: switches / FP / FN | k = 1 | k = 5 | ms/frame |"
    assert lines[7] == "| ours | 1 / 2 / 3 | 1 / 2 / 3 | 2.0 |"


def test_the_mean_over_sequences_follows_their_tables_and_averages_the_runs():
    rows = [result("ours", 1, mota, 0.4, run=run) for run, mota in enumerate((0.3, 0.5))]
    lines = format_table([*rows, result("ours", 1, 0.6, 0.4, "PETS")]).splitlines()
    assert lines[2] == "| ours | **40.0** / **40.0** / **30.0** | 2.0 |"
    assert lines[-3] == "| mean of 2 sequences ± spread: MOTA / IDF1 / HOTA | k = 1 | ms/frame |"
    assert lines[-1] == "| ours | 50.0±14.1 / 40.0±0.0 / 30.0±0.0 | 2.0 |"


@pytest.mark.usefixtures("no_peer_packages")
def test_a_tracker_that_is_not_installed_is_skipped_with_a_message(sequence, tmp_path, capsys):
    file = tmp_path / "peers.json"
    arguments = ["peers", str(sequence), "--engine", "hold", "--detect-every", "1", "4"]
    arguments += ["--json", str(file)]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "\n| hold | **" in out
    assert "accuracy" not in out
    assert "norfair was skipped: it needs the package norfair (" in out
    assert "bytetrack was skipped: it needs the package trackers (" in out
    assert "pip install --no-deps norfair rich" in out
    assert "pip install 'mvot-plugin[peers]'" in out
    assert "opencv-nano was skipped: it needs its model files (--nanotrack DIR)" in out
    assert main(["report", str(file), "--output", str(tmp_path / "report")]) == 0
    page = (tmp_path / "report" / "report.html").read_text()
    assert "<b>" in page
    assert "opencv-nano was skipped: it needs its model files" in page
    assert "data:image/png;base64," in page
    assert "\n| lk-hungarian | " in out  # needs no further package
    for name in ("norfair", "bytetrack"):
        with pytest.raises(UsageError, match=f"{name} needs the package"):
            run_peer(name, 1)
