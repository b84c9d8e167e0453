"""The tables and the picture of `mvot-bench streams`."""

import math

import cv2
import pytest

from mvot_benchmarks.streams.plots import draw_streams, save_plot
from mvot_benchmarks.streams.results import (
    CLUSTER,
    COST,
    EACH,
    MEMORY,
    PLAIN,
    PROCESSES,
    TOGETHER,
    WORKERS,
    CommandRun,
    StreamCost,
    StreamsRow,
    select_runs,
)
from mvot_benchmarks.streams.tables import fit_memory, format_row, format_table


def cost(k, total, detector="replay", targets=5):
    stages = {"decode": 1.0, "detect": 2.0, "embed": 0.5, "motion": 1.0, "associate": 0.25}
    row = StreamCost(
        engine="lk-flow", detector=detector, targets=targets, k=k, fps=25.0, frames=80,
        tracks=4.5, total=total, stages=stages,
    )  # fmt: skip
    return StreamsRow(part=COST, cost=row)


def run(part, way, seconds=10.0, number=1, streams=2, workers=1, digests=("a", "b"), **more):
    more = {"frames": 1000, "tracking": seconds - 2, **more}
    measured = CommandRun(
        way=way, streams=streams, workers=workers, round=number, seconds=seconds,
        digests=digests, **more,
    )  # fmt: skip
    return StreamsRow(part=part, run=measured)


RUNS = [
    run(PROCESSES, TOGETHER, number=0, memory=200.0, seconds=99.0),
    run(PROCESSES, EACH, number=0, memory=500.0, seconds=99.0),
    *(run(PROCESSES, TOGETHER, seconds, n) for n, seconds in enumerate((10.0, 30.0, 12.0), 1)),
    *(run(PROCESSES, EACH, seconds, n) for n, seconds in enumerate((22.0, 20.0, 22.0), 1)),
]


def test_streams_per_core_are_by_k_and_the_processors_time_by_stage():
    capacity, stages = format_table(
        [cost(1, 10.0), cost(10, 5.0), cost(1, 40.0, "packaged")]
    ).split("\n\n")
    assert capacity.splitlines() == [
        "| streams per core at 25 fps | k = 1 | k = 10 |",
        "| --- | --- | --- |",
        "| lk-flow, replay, N = 5 | 4.00 | 8.00 |",
        "| lk-flow, packaged, N = 5 | 1.00 | - |",
    ]
    head, _, first, *_ = stages.splitlines()
    assert head.endswith("| decode | detect | embed | motion | associate | other | total |")
    assert first == (
        "| lk-flow, replay, N = 5 | 1 | 4.5 | 1.00 (10%) | 2.00 (20%) | 0.50 (5%) | 1.00 (10%) "
        "| 0.25 (2%) | 5.25 (52%) | 10.00 |"
    )


def test_one_process_is_compared_with_a_process_a_camera_in_the_median_of_rounds():
    assert format_table(RUNS).splitlines() == [
        "| 2 streams, 3 rounds | fps together | without the start | memory, MB | tracks |",
        "| --- | --- | --- | --- | --- |",
        "| one process | 83.3 | 100.0 | 200 | 2 of 2 the same |",
        "| a process a camera | 45.5 | 50.0 | 500 | 2 of 2 the same |",
        "| ratio | 1.83 | 2.00 | 0.40 |  |",
    ]


def test_streams_with_other_tracks_are_counted():
    table = format_table([*RUNS, run(PROCESSES, EACH, 22.0, 4, digests=("a", "c"))])
    assert "| a process a camera | 45.5 | 50.0 | 500 | 1 of 2 the same |" in table


def test_the_memory_of_a_further_stream_is_the_slope_of_a_line():
    rows = [
        run(MEMORY, TOGETHER, number=0, streams=n, memory=memory)
        for n, memory in ((4, 181.0), (1, 120.0), (2, 139.0))
    ]
    runs = select_runs(rows, MEMORY)
    start, slope = fit_memory(runs)
    assert (start, slope) == (pytest.approx(99.0), pytest.approx(20.429, abs=1e-3))
    assert format_table(rows).splitlines()[::2] == [
        "| one process, streams | 1 | 2 | 4 | per further stream |",
        "| memory, MB | 120 | 139 | 181 | 20.4 (and 99 without) |",
    ]
    assert all(map(math.isnan, fit_memory(runs[:1])))


def test_the_cluster_is_compared_with_one_worker_and_with_mvot_run():
    rows = [
        run(CLUSTER, PLAIN, 10.0, streams=1, digests=("p",)),
        run(CLUSTER, WORKERS, 20.0, streams=1, digests=("c",), tracking=16.0),
        run(CLUSTER, WORKERS, 12.5, streams=1, workers=2, digests=("c",), tracking=math.nan),
        run(
            CLUSTER,
            WORKERS,
            12.5,
            streams=1,
            workers=2,
            digests=("d",),
            tracking=math.nan,
            number=2,
        ),
    ]
    assert format_table(rows).splitlines() == [
        "| one video of 1000 frames | workers | fps | to 1 worker | to mvot-run "
        "| without the start | to 1 worker | to mvot-run | tracks |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        "| mvot-run | - | 100.0 | - | 1.00 | 125.0 | - | 1.00 | the same |",
        "| mvot-cluster | 1 | 50.0 | 1.00 | 0.50 | 62.5 | 1.00 | 0.50 | the same |",
        "| mvot-cluster | 2 | 80.0 | 1.60 | 0.80 | - | - | - | others |",
    ]


def test_a_row_is_a_line_of_progress():
    assert format_row(cost(10, 5.0)) == (
        "lk-flow, replay, N = 5, k=10: 5.00 ms of the processor a frame, "
        "8.00 streams per core at 25 fps"
    )
    assert format_row(RUNS[0]) == "one process, 2 streams: 1000 frames, at most 200 MB"
    assert format_row(run(CLUSTER, WORKERS, streams=1, workers=3)) == (
        "mvot-cluster, 3 workers, 1 stream: 1000 frames, 100.0 fps together"
    )


def test_each_part_that_was_measured_is_drawn(tmp_path):
    rows = [cost(1, 10.0), cost(10, 5.0), *RUNS, run(CLUSTER, PLAIN, streams=1)]
    rows += [run(CLUSTER, WORKERS, streams=1, workers=n) for n in (1, 2)]
    rows += [run(MEMORY, TOGETHER, number=0, streams=n, memory=9.0 * n) for n in (1, 2)]
    titles = [axis.get_title() for axis in draw_streams(rows).axes]
    assert titles == [
        "streams per core at 25 fps", "frames per second, 2 streams together",
        "memory of one process, MB", "frames per second of one long video",
    ]  # fmt: skip
    (axis,) = draw_streams(rows[:2]).axes
    (line,) = axis.get_lines()
    assert line.get_xydata().tolist() == [[1, 4], [10, 8]]
    save_plot(rows, tmp_path / "streams.png")
    assert cv2.imread(str(tmp_path / "streams.png")).shape[1] > 1000
