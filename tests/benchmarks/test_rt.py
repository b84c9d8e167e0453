"""`mvot-bench rt`, with fixed costs only, since measured ones differ from run to run."""

import json

import pytest

from helpers.benchmarks.moving_sequence import IMAGE, box_at, write_sequence
from mvot_benchmarks import rt
from mvot_benchmarks.cli import main
from mvot_benchmarks.mot import evaluate_one
from mvot_benchmarks.rt import RealTimePipeline, RealTimeScheduler, RtConfig
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_plugin.association.lifecycle import LifecycleConfig
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Detections, Frame


def run_live(k=1, detector=0.0, engine=0.0, fps=25.0, frames=12):
    """The frames processed, those detected on, the left edges shown on each, and the pipeline."""
    processed, detected = [], []

    def detect(frame):
        detected.append(frame.index)
        return Detections.of([box_at(frame.index)])

    class RecordingEngine(type(load_engine("hold"))):
        def observe(self, frame):
            processed.append(frame.index)
            return super().observe(frame)

    config = PipelineConfig(
        lifecycle=LifecycleConfig(newcomer_seconds=1e-3)
    )  # no delay for new tracks
    pipeline = MotPipeline(detect, RecordingEngine(), RealTimeScheduler(k=k), config=config)
    video = (Frame(image=IMAGE, index=i, timestamp=i / 25) for i in range(frames))
    costs = RtConfig(detector_ms=float(detector), engine_ms=float(engine))
    run = RealTimePipeline(pipeline, fps, costs)
    shown = [tracks.xyxy[:, 0].tolist() for _, tracks in run.run(video)]
    assert run.frames == frames
    return processed, detected, shown, run


def test_no_frame_is_skipped_where_tracks_are_complete_before_the_next():
    processed, detected, shown, run = run_live(detector=30, engine=10)
    assert processed == detected == list(range(12))
    assert all(shown)
    assert run.milliseconds == pytest.approx(12 * 40)


def test_frames_that_arrive_while_it_is_busy_are_skipped_and_show_earlier_tracks():
    processed, _, shown, _ = run_live(detector=90, engine=10)  # 2.5 frames
    assert processed == [0, 3, 6, 9]
    assert shown[:2] == [[], []]
    assert shown[2] == shown[3] == shown[4] != []
    assert shown[5] == shown[6] == shown[7] != shown[4]


def test_a_frame_that_takes_longer_than_a_period_skips_the_next_frame():
    assert run_live(engine=40.1)[0] == [0, 2, 4, 6, 8, 10]
    assert run_live(engine=40.1, fps=20.0)[0] == list(range(12))


def test_the_detector_is_due_k_frames_of_the_video_after_its_last_call():
    processed, detected, *_ = run_live(k=4, detector=60, engine=10)
    assert detected == [0, 4, 8]
    assert processed == [0, 2, 3, 4, 6, 7, 8, 10, 11]
    _, detected, *_ = run_live(k=3, detector=150, engine=41)  # 5 frames, then 2
    assert detected == [0, 5, 10]
    _, detected, *_ = run_live(k=2, engine=100)
    assert detected == [0, 3, 6, 9]


@pytest.fixture
def sequence(tmp_path):
    return write_sequence(tmp_path / "MOVES")


def test_without_cost_the_scores_are_those_of_mot(sequence):
    free = RtConfig(detector_ms=0.0, engine_ms=0.0)
    for k in (1, 3):
        result = rt.evaluate(sequence, "hold", load_engine("hold"), k, 25.0, free)
        assert result.scores == evaluate_one(sequence, "hold", load_engine("hold"), k).scores
        assert (result.frames, result.processed, result.detected) == (12, 12, 12 // k)


def test_a_slow_detector_on_every_frame_skips_frames(sequence):
    config = RtConfig(detector_ms=200.0, engine_ms=1.0)
    score = rt.evaluate(sequence, "hold", load_engine("hold"), 1, 25.0, config)
    assert (score.processed, score.detected) == (2, 2)  # frames 0 and 6
    assert score.milliseconds == pytest.approx(201)


def test_the_command_reports_both_rates_and_continues_from_its_file(sequence, tmp_path, capsys):
    arguments = ["rt", str(sequence), "--engine", "hold", "--detector-ms", "60", "--engine-ms", "1"]
    file = tmp_path / "rt.json"
    arguments += ["--json", str(file), "--detect-every"]
    assert main([*arguments, "1"]) == 0
    out, err = capsys.readouterr()
    assert "| MOVES at 25 fps: MOTA / IDF1 / HOTA | k = 1 | ms/frame |" in out
    assert "| MOVES at 10 fps: MOTA / IDF1 / HOTA | k = 1 | ms/frame |" in out
    assert "6 of 12 frames processed at 61.0 ms" in err
    assert main([*arguments, "1", "4"]) == 0
    assert capsys.readouterr().err.count("(from ") == 2
    stored = json.loads(file.read_text())
    done = [(row["k"], row["fps"]) for row in stored["rows"]]
    assert done == [(1, 25), (1, 10), (4, 25), (4, 10)]
    assert str(tmp_path) not in file.read_text()
    assert main([*arguments, "1", "--detector-ms", "61"]) == 2
    assert "another detector_ms (60.0, now 61.0)" in capsys.readouterr().err


def test_rates_are_numbers_or_the_frame_rate_of_the_sequence(sequence):
    assert rt.parse_rates(sequence, ["25", "own", "10"]) == [25, 10]
    for wrong in ("0", "nan", "-1", "inf", "fast"):
        with pytest.raises(UsageError, match=f"--fps '{wrong}'"):
            rt.parse_rates(sequence, [wrong])


@pytest.mark.parametrize("wrong", [-1.0, float("inf"), float("nan")])
def test_impossible_costs_and_intervals_are_errors(wrong):
    with pytest.raises(UsageError, match="--detector-ms"):
        RtConfig(detector_ms=wrong)
    with pytest.raises(UsageError, match="--detect-every"):
        RealTimeScheduler(k=0)
