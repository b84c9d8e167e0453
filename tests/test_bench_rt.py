"""`mvot-bench rt`, with given costs only: what is measured differs from run to run."""

import json

import pytest

from moving_sequence import IMAGE, place, write_sequence
from mvot_benchmarks import rt
from mvot_benchmarks.cli import main
from mvot_benchmarks.mot import evaluate_one
from mvot_benchmarks.rt import Given, LivePipeline, Overdue
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import UsageError
from mvot_plugin.lifecycle import LifecycleConfig
from mvot_plugin.types import Detections, Frame


def live(k=1, detector=0.0, engine=0.0, fps=25.0, frames=12):
    """The frames that were processed, those that were detected, and the box shown on each."""
    processed, detected = [], []

    def detect(frame):
        detected.append(frame.index)
        return Detections.of([place(frame.index)])

    class Watched(type(load_engine("hold"))):
        def observe(self, frame):
            processed.append(frame.index)
            return super().observe(frame)

    config = PipelineConfig(lifecycle=LifecycleConfig(newcomer_seconds=1e-3))  # shown at once
    pipeline = MotPipeline(detect, Watched(), Overdue(k=k), config=config)
    film = (Frame(image=IMAGE, index=i, timestamp=i / 25) for i in range(frames))
    run = LivePipeline(pipeline, fps, Given(detector=float(detector), engine=float(engine)))
    shown = [tracks.xyxy[:, 0].tolist() for _, tracks in run.run(film)]
    assert run.frames == frames
    return processed, detected, shown, run


def test_what_is_ready_before_the_next_frame_loses_nothing():
    processed, detected, shown, run = live(detector=30, engine=10)
    assert processed == detected == list(range(12))
    assert all(shown)
    assert run.milliseconds == pytest.approx(12 * 40)


def test_frames_that_come_meanwhile_are_not_processed_and_answers_come_late():
    processed, _, shown, _ = live(detector=90, engine=10)  # 2.5 frames
    assert processed == [0, 3, 6, 9]
    assert shown[:2] == [[], []]
    assert shown[2] == shown[3] == shown[4] != []
    assert shown[5] == shown[6] == shown[7] != shown[4]


def test_a_frame_longer_than_a_period_is_a_frame_lost():
    assert live(engine=40.1)[0] == [0, 2, 4, 6, 8, 10]
    assert live(engine=40.1, fps=20.0)[0] == list(range(12))


def test_the_detector_is_due_k_frames_of_the_video_after_its_last_call():
    processed, detected, *_ = live(k=4, detector=60, engine=10)
    assert detected == [0, 4, 8]
    assert processed == [0, 2, 3, 4, 6, 7, 8, 10, 11]
    _, detected, *_ = live(k=3, detector=150, engine=41)  # 5 frames, then 2
    assert detected == [0, 5, 10]
    _, detected, *_ = live(k=2, engine=100)
    assert detected == [0, 3, 6, 9]


@pytest.fixture
def sequence(tmp_path):
    return write_sequence(tmp_path / "MOVES")


def test_without_cost_it_is_what_mot_finds(sequence):
    free = Given(detector=0.0, engine=0.0)
    for k in (1, 3):
        timed = rt.evaluate(sequence, "hold", load_engine("hold"), k, 25.0, free)
        assert timed.scores == evaluate_one(sequence, "hold", load_engine("hold"), k).scores
        assert (timed.frames, timed.processed, timed.detected) == (12, 12, 12 // k)


def test_a_slow_detector_is_worse_on_every_frame(sequence):
    given = Given(detector=200.0, engine=1.0)
    score = rt.evaluate(sequence, "hold", load_engine("hold"), 1, 25.0, given)
    assert (score.processed, score.detected) == (2, 2)  # frames 0 and 6
    assert score.milliseconds == pytest.approx(201)


def test_the_command_reports_both_rates_and_goes_on_from_its_file(sequence, tmp_path, capsys):
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


def test_rates_are_numbers_or_the_sequences_own(sequence):
    assert rt.rates(sequence, ["25", "own", "10"]) == [25, 10]
    for wrong in ("0", "nan", "-1", "inf", "fast"):
        with pytest.raises(UsageError, match=f"--fps '{wrong}'"):
            rt.rates(sequence, [wrong])


@pytest.mark.parametrize("wrong", [-1.0, float("inf"), float("nan")])
def test_impossible_costs_and_intervals_are_named(wrong):
    with pytest.raises(UsageError, match="--detector-ms"):
        Given(detector=wrong)
    with pytest.raises(UsageError, match="--detect-every"):
        Overdue(k=0)
