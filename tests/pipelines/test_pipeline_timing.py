"""The stage times of the pipeline."""

import pytest

from helpers.pipelines import BOX, blank_frames, constant_detector, failing_detector, track_all
from mvot_pipelines.pipeline import MotPipeline
from mvot_plugin.errors import InputError
from mvot_plugin.timing import StageTimer


def test_the_stages_of_a_run_are_timed():
    times = iter(range(10**6))
    timer = StageTimer(lambda: float(next(times)))
    track_all(MotPipeline(constant_detector(BOX), "hold", 4, timer=timer), blank_frames(8))
    assert timer.calls == {"motion": 2 * 8 + 2, "detect": 2, "embed": 2, "associate": 8}
    assert timer.total == 30


def test_the_seconds_of_a_failed_detector_count():
    timer = StageTimer()
    with pytest.raises(InputError):
        MotPipeline(failing_detector(constant_detector(), 0), "hold", timer=timer).step(
            blank_frames(1)[0]
        )
    assert timer.calls == {"motion": 2, "detect": 1}
