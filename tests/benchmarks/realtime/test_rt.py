"""`mvot-bench rt`, with fixed costs only, since measured ones differ from run to run."""

import json
import re
from functools import partial

import pytest

from helpers.benchmarks.moving_sequence import IMAGE, box_at, write_sequence
from mvot_benchmarks.cli import main
from mvot_benchmarks.mot import evaluate_one
from mvot_benchmarks.realtime.clock import RealTimePipeline, RtConfig, VirtualClock, VirtualWorker
from mvot_benchmarks.realtime.measurement import (
    ADAPTIVE,
    ASYNCHRONOUS,
    BLOCKING,
    UNCLOCKED,
    RealTimeBenchmark,
    RtResult,
    parse_rates,
)
from mvot_benchmarks.realtime.plots import draw_costs
from mvot_benchmarks.reporting.results import read_results
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.scheduling import EveryK
from mvot_plugin.association.lifecycle import LifecycleConfig
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Detections, Frame


def run_live(k=1, detector=0.0, engine=0.0, fps=25.0, frames=12, beside=False):
    """The frames processed, those detected on, the left edges shown on each, and the pipeline.

    ``beside`` is whether the detector runs beside the tracker.
    """
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
    costs, clock = RtConfig(detector_ms=float(detector), engine_ms=float(engine)), VirtualClock()
    worker = partial(VirtualWorker, clock=clock, config=costs) if beside else False
    pipeline = MotPipeline(
        detect, RecordingEngine(), EveryK(k=k), config=config, asynchronous=worker
    )
    video = (Frame(image=IMAGE, index=i, timestamp=i / 25) for i in range(frames))
    run = RealTimePipeline(pipeline, fps, costs, clock if beside else None)
    shown = [tracks.xyxy[:, 0].tolist() for _, tracks in run.run(video)]
    assert run.frames == frames
    return processed, detected, shown, run


def test_no_frame_is_skipped_where_tracks_are_complete_before_the_next():
    processed, detected, shown, run = run_live(detector=30, engine=10)
    assert processed == detected == list(range(12))
    assert all(shown)
    assert run.latencies == pytest.approx([40] * 12)


def test_frames_that_arrive_while_it_is_busy_are_skipped_and_show_earlier_tracks():
    processed, _, shown, _ = run_live(detector=90, engine=10)  # 2.5 frames
    assert processed == [0, 3, 6, 9]
    assert shown[:2] == [[], []]
    assert shown[2] == shown[3] == shown[4] != []
    assert shown[5] == shown[6] == shown[7] != shown[4]


def test_a_frame_that_takes_longer_than_a_period_skips_the_next_frame():
    assert run_live(engine=40.1)[0] == [0, 2, 4, 6, 8, 10]
    assert run_live(engine=40.1, fps=20.0)[0] == list(range(12))


def test_a_detector_beside_the_tracker_skips_no_frame_and_counts_from_its_answer_on():
    processed, detected, shown, run = run_live(detector=90, engine=10, beside=True)  # 2.25 frames
    assert processed == list(range(12))
    assert detected == [0, 3, 6, 9]
    assert shown[:3] == [[], [], []]
    assert shown[3] == shown[4] == shown[5] != shown[6]  # where it was on frame 0: the engine holds
    assert run.latencies[:6] == [10, 10, 10, 40, 10, 10]  # after an answer 3 frames are made again


def test_a_detector_beside_the_tracker_that_takes_no_time_is_in_time():
    assert run_live(beside=True)[:3] == run_live()[:3]


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
        result = RealTimeBenchmark(config=free).evaluate(
            sequence, "hold", load_engine("hold"), k, 25.0
        )
        assert result.scores == evaluate_one(sequence, "hold", load_engine("hold"), k).scores
        assert (result.frames, result.processed, result.detected) == (12, 12, 12 // k)


def test_a_slow_detector_on_every_frame_skips_frames(sequence):
    config = RtConfig(detector_ms=200.0, engine_ms=1.0)
    score = RealTimeBenchmark(config=config).evaluate(
        sequence, "hold", load_engine("hold"), 1, 25.0
    )
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
    assert main([*arguments, "1", "--engine-ms", "2"]) == 2
    assert "another engine_ms (1.0, now 2.0)" in capsys.readouterr().err


def test_beside_the_tracker_it_is_compared_with_no_clock_at_as_many_calls(sequence):
    config = RtConfig(detector_ms=90.0, engine_ms=1.0)
    benchmark, engine = RealTimeBenchmark(config=config), load_engine("hold")
    timed = benchmark.evaluate(sequence, "hold", engine, 1, 25.0, ASYNCHRONOUS)
    free = benchmark.evaluate_without_clock(sequence, engine, timed)
    assert (timed.processed, timed.detected, timed.detector_ms) == (12, 4, 90)
    assert (free.processed, free.detected, free.mode, free.k) == (12, 4, UNCLOCKED, 1)
    assert free.scores == evaluate_one(sequence, "hold", engine, 3).scores
    assert free.scores.mota > timed.scores.mota


def test_with_given_costs_it_is_the_same_on_every_run(sequence):
    config, engine = RtConfig(detector_ms=90.0, engine_ms=12.0), load_engine("lk-flow")
    benchmark = RealTimeBenchmark(config=config)
    for mode in (BLOCKING, ASYNCHRONOUS, ADAPTIVE):
        first, second = (
            benchmark.evaluate(sequence, "lk-flow", engine, 1, 25.0, mode) for _ in range(2)
        )
        assert first == second


def test_the_command_measures_every_way_to_run_a_detector_and_draws_them(
    sequence, tmp_path, capsys
):
    arguments = ["rt", str(sequence), "--engine", "hold", "--fps", "25", "--engine-ms", "1"]
    arguments += ["--detector-ms", "30", "90", "--detect-every", "1", "--async"]
    file, plot = tmp_path / "rt.json", tmp_path / "cost.png"
    assert main([*arguments, "--json", str(file), "--plot", str(plot)]) == 0
    out, err = capsys.readouterr()
    assert "| MOVES at 25 fps, detector 90 ms: MOTA / IDF1 / HOTA | k = 1 | ms/frame |" in out
    assert "| hold, asynchronous | " in out
    assert "detector 90 ms, asynchronous: MOTA" in err
    quality = "MOTA / IDF1 / HOTA (best k), latency"
    heading = f"| mean of 1 sequences at 25 fps: {quality} | 30 ms | 90 ms |"
    table = out[out.index(heading) :].splitlines()
    assert re.fullmatch(r"[-0-9.]+ / [-0-9.]+ / [-0-9.]+ \(1\), \d+ ms", table[2].split(" | ")[1])
    assert [line.split(" | ")[0] for line in table[2:]] == [
        "| hold, every frame",
        "| hold, blocking, best k",
        "| hold, asynchronous",
        "| hold, adaptive",
        "| hold, no clock, as many calls",
    ]
    stored = read_results(file, {"rt": RtResult})
    rows = json.loads(file.read_text())["rows"]
    modes = [BLOCKING, ASYNCHRONOUS, ADAPTIVE, UNCLOCKED]
    assert [(row["detector_ms"], row["mode"]) for row in rows] == [
        (cost, mode) for cost in (30, 90) for mode in modes
    ]
    assert plot.read_bytes().startswith(b"\x89PNG")
    hota = draw_costs(stored.rows).axes[2]
    assert hota.get_title() == "hold: HOTA"
    blocking = hota.get_lines()[0].get_ydata().tolist()
    assert blocking == [100 * row.scores.hota for row in stored.rows if row.mode == BLOCKING]
    assert main([*arguments, "--json", str(file)]) == 0
    assert capsys.readouterr().err.count("(from ") == 8
    assert main(["report", str(file), "--output", str(tmp_path / "report")]) == 0
    assert (tmp_path / "report" / "detector-cost-1.png").exists()


def test_a_plot_needs_the_costs_of_the_detector(sequence, capsys):
    assert main(["rt", str(sequence), "--plot", "cost.png"]) == 2
    assert "--plot needs --detector-ms" in capsys.readouterr().err


def test_rates_are_numbers_or_the_frame_rate_of_the_sequence(sequence):
    assert parse_rates(sequence, ["25", "own", "10"]) == [25, 10]
    for wrong in ("0", "nan", "-1", "inf", "fast"):
        with pytest.raises(UsageError, match=f"--fps '{wrong}'"):
            parse_rates(sequence, [wrong])


@pytest.mark.parametrize("wrong", [-1.0, float("inf"), float("nan")])
def test_impossible_costs_are_errors(wrong):
    with pytest.raises(UsageError, match="--detector-ms"):
        RtConfig(detector_ms=wrong)
