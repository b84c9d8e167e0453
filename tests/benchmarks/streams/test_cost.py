"""What a frame of a stream costs, on rendered clips."""

import time

import cv2
import numpy as np
import pytest

from mvot_benchmarks.streams.clips import Clip, link_videos, render_clip, repeat_video
from mvot_benchmarks.streams.cost import STAGES, CostBenchmark, count_frames
from mvot_pipelines.sources import open_source
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import InputError
from mvot_plugin.types import Detections

SIZE = 160, 120


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Clip:
    """Twelve frames of four pedestrians."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return render_clip(path, size=SIZE, frames=12, targets=4)


class Spinner:
    """A detector that keeps the processor busy, and finds nothing."""

    def __init__(self):
        self.frames = []

    def __call__(self, frame):
        self.frames.append(frame.index)
        end = time.thread_time() + 0.02
        while time.thread_time() < end:
            pass
        return Detections.empty()


def test_a_clip_is_a_video_with_detections_of_each_frame(clip):
    with open_source(clip.path) as source:
        assert (source.size, source.frame_rate, len(list(source))) == (SIZE, 25.0, 12)
    assert len(clip.detections) == 12
    assert 2 < np.mean([len(found) for found in clip.detections]) <= 5


def test_a_clip_is_the_same_each_time(clip, tmp_path):
    again = render_clip(tmp_path / "again.mp4", size=SIZE, frames=12, targets=4)
    assert again.path.read_bytes() == clip.path.read_bytes()
    pairs = zip(clip.detections, again.detections, strict=True)
    assert all(np.array_equal(one.xyxy, other.xyxy) for one, other in pairs)


def test_a_video_is_played_over_and_over(clip, tmp_path):
    path = tmp_path / "long.mp4"
    repeat_video(clip.path, path, 30)
    with open_source(path) as source:
        frames = [frame.image for frame in source]
    assert len(frames) == 30
    assert cv2.norm(frames[3], frames[15], cv2.NORM_L1) / frames[3].size < 5


def test_links_have_names_of_their_own_and_the_ending_of_a_file(tmp_path):
    (tmp_path / "a.folder").mkdir()
    (tmp_path / "b.mp4").touch()
    videos = [tmp_path / "a.folder", tmp_path / "b.mp4"]
    for _ in range(2):
        links = link_videos(videos, tmp_path / "links", 3)
    assert [link.name for link in links] == ["cam-1", "cam-2.mp4", "cam-3"]
    assert [link.resolve() for link in links] == [*videos, videos[0]]


def test_the_stages_are_parts_of_the_processors_time(clip):
    row = CostBenchmark(clip, 4, 25.0).measure("hold", load_engine("hold"), 3, "replay", None)
    assert (row.engine, row.detector, row.targets, row.k) == ("hold", "replay", 4, 3)
    assert row.frames == 9
    assert tuple(row.stages) == STAGES
    assert all(cost > 0 for cost in row.stages.values())
    assert sum(row.stages.values()) <= row.total
    assert row.streams == pytest.approx(1000 / (25 * row.total))
    assert 1 < row.tracks <= 5


def test_a_detectors_time_counts_on_every_kth_frame_and_its_boxes_do_not(clip):
    benchmark, spinner = CostBenchmark(clip, 4, 25.0), Spinner()
    free = benchmark.measure("hold", load_engine("hold"), 4, "replay", None)
    paid = benchmark.measure("hold", load_engine("hold"), 4, "spinner", spinner)
    assert spinner.frames == [0, 4, 8]
    assert paid.stages["detect"] == pytest.approx(20 / 4, rel=0.5)
    assert paid.total > paid.stages["detect"] > free.stages["detect"]
    assert paid.tracks == free.tracks


@pytest.mark.parametrize(("frames", "k", "counted"), [(100, 20, 80), (12, 5, 5), (9, 5, 0)])
def test_whole_intervals_after_the_first_count(frames, k, counted):
    assert count_frames(frames, k) == counted


def test_too_few_frames_are_an_error(clip):
    with pytest.raises(InputError, match="12 frames are too few for an interval of 7"):
        CostBenchmark(clip, 4, 25.0).measure("hold", load_engine("hold"), 7, "replay", None)
