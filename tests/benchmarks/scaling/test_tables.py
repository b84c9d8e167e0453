"""The tables of `mvot-bench scaling`."""

import pytest

from mvot_benchmarks.scaling.measurement import ScalingRow
from mvot_benchmarks.scaling.tables import cost_per_target, describe_capacity, format_table


def rows(costs, engine="lk-flow", size=(640, 480), **stages):
    """By number of targets, the milliseconds of a frame."""
    return [
        ScalingRow(
            engine=engine, size=size, targets=count, frame=cost, enroll=1.5, observe=2.0,
            track=12.25, stages=stages,
        )
        for count, cost in costs.items()
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("costs", "description"),
    [
        ({1: 10.0, 100: 20.0}, "beyond N = 100"),
        ({1: 10.0, 100: 40.0}, "beyond N = 100"),
        ({1: 41.0, 100: 90.0}, "never"),
        ({10: 41.0, 100: 90.0}, "below N = 10"),
        ({10: 20.0, 20: 60.0}, "15"),
        ({20: 60.0, 10: 20.0}, "15"),
        ({1: 10.0, 10: 30.0, 20: 50.0, 50: 90.0}, "15"),
        ({1: 10.0, 10: 39.0, 11: 41.0}, "10"),
        ({1: 10.0, 10: 50.0, 20: 30.0, 50: 90.0}, "7"),
        ({5: 40.0}, "beyond N = 5"),
    ],
)
def test_the_capacity_at_25_fps_is_interpolated_over_targets(costs, description):
    assert describe_capacity(rows(costs)) == description


def test_the_cost_of_a_target_is_the_marginal_time():
    assert cost_per_target(rows({100: 60.0, 10: 15.0, 50: 99.0})) == pytest.approx(0.5)
    assert cost_per_target(rows({10: 15.0})) is None


def test_speed_has_a_table_for_each_size_and_cost_one_for_each_kind_of_engine():
    small = [*rows({1: 5.0, 10: 10.0, 100: 45.0}), *rows({1: 50.0, 10: 80.0}, "net", head=1.0)]
    large = rows({1: 8.0}, size=(1280, 720))
    assert format_table([*small, *large]).split("\n\n") == [
        "| fps at 640x480 | N = 1 | N = 10 | N = 100 | N at 25 fps | ms per target "
        "| t(100)/t(10) |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        "| lk-flow | 200 | 100 | 22.2 | 87 | 0.404 | 4.5 |\n"
        "| net | 20.0 | 12.5 | - | never | 3.333 | - |",
        "| fps at 1280x720 | N = 1 | N at 25 fps | ms per target | t(100)/t(10) |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| lk-flow | 125 | beyond N = 1 | - | - |",
        "| ms/frame | size | targets | observe | enroll | track |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| lk-flow | 640x480 | 1 | 2.00 | 1.50 | 12.2 |\n"
        "| lk-flow | 640x480 | 10 | 2.00 | 1.50 | 12.2 |\n"
        "| lk-flow | 640x480 | 100 | 2.00 | 1.50 | 12.2 |\n"
        "| lk-flow | 1280x720 | 1 | 2.00 | 1.50 | 12.2 |",
        "| ms/frame | size | targets | observe | enroll | track | head |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        "| net | 640x480 | 1 | 2.00 | 1.50 | 12.2 | 1.00 |\n"
        "| net | 640x480 | 10 | 2.00 | 1.50 | 12.2 | 1.00 |",
    ]


def test_times_are_compared_with_those_of_opencvs_trackers_at_each_size():
    opencv, own = {1: 4.0, 10: 40.0, 100: 400.0}, {1: 3.0, 10: 14.0, 50: 30.0, 100: 48.0}
    small = [*rows(own, "nanotrack", head=1.0), *rows({1: 2.0}), *rows(opencv, "opencv-nano")]
    large = [*rows({1: 5.0}, size=(1280, 720)), *rows({1: 4.0}, "opencv-nano", size=(1280, 720))]
    speed, fast, share, large_share, *_ = format_table([*small, *large]).split("\n\n")
    assert speed.splitlines()[-1].startswith("| opencv-nano | 250 | 25.0 | - | 2.5 |")
    assert fast.splitlines()[-1].startswith("| opencv-nano | 250 |")
    assert share.splitlines() == [
        "| ms/frame as a share of opencv-nano's, 640x480 | N = 1 | N = 10 | N = 50 | N = 100 |",
        "| --- | --- | --- | --- | --- |",
        "| nanotrack | 0.750 | 0.350 | - | 0.120 |",
        "| lk-flow | 0.500 | - | - | - |",
    ]
    assert large_share.splitlines() == [
        "| ms/frame as a share of opencv-nano's, 1280x720 | N = 1 |",
        "| --- | --- |",
        "| lk-flow | 1.250 |",
    ]


def test_costs_are_in_order_of_engine_size_and_targets_whatever_was_measured_first():
    many, few = (
        [*rows({count: 5.0}, "b", head=1.0), *rows({count: 5.0}, "a", head=1.0)] for count in (9, 2)
    )
    cost = format_table([*many, *few]).split("\n\n")[1].splitlines()[2:]
    assert [line.split(" | ")[0::2][:2] for line in cost] == [
        ["| b", "2"], ["| b", "9"], ["| a", "2"], ["| a", "9"],
    ]  # fmt: skip
