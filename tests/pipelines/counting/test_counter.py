"""Tracks are counted as geometry says, with boxes that are detected or estimated."""

import sys

import numpy as np
import pytest

from helpers.synthetic import render
from mvot_pipelines.counting.config import CountingConfig
from mvot_pipelines.counting.counter import Counter
from mvot_pipelines.pipeline import MotPipeline
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Frame, Tracks
from mvot_synthetic import NoisyDetector, street

SIZE = (320, 240)
IMAGE = np.zeros((240, 320, 3), np.uint8)


def frame(index, rate=25.0):
    return Frame(image=IMAGE, index=index, timestamp=index / rate)


def tracks_at(feet, ids=None):
    """Tracks of 20 x 40 pixels whose lower edges have their middles here."""
    feet = np.array(feet, np.float32).reshape(-1, 2)
    count = len(feet)
    return Tracks(
        id=np.array(ids if ids is not None else range(1, count + 1), np.int64),
        xyxy=np.tile(feet, 2) + np.array([-10, -40, 10, 0], np.float32),
        score=np.ones(count, np.float32),
        class_id=np.zeros(count, np.int64),
        detected=np.zeros(count, np.bool_),
    )


def walk(counter, paths):
    """What is counted after objects have walked along paths, one point a frame."""
    for index, feet in enumerate(zip(*paths, strict=True)):
        counts = counter.update(frame(index), tracks_at(feet))
    return counts


def line_counter(**settings):
    return Counter(CountingConfig(lines=("door=0,100,320,100",), **settings), SIZE)


def test_the_sides_of_a_line():
    up = [(50, 140 - 10 * step) for step in range(8)]
    down = [(200, 70 + 10 * step) for step in range(8)]
    (count,) = walk(line_counter(), [up, down, down])
    assert count.to_dict() == {"name": "door", "kind": "line", "in": 1, "out": 2}
    assert count.label == "door: 1 in, 2 out"


def test_who_trembles_on_a_line_crosses_it_once_at_most():
    path = [(50, 99 + 2 * (step % 2)) for step in range(30)]
    (count,) = walk(line_counter(crossing_frames=3), [path])
    assert count.entered + count.left == 0


def test_the_anchor_is_the_point_that_counts():
    path = [(50, 90 + 5 * step) for step in range(7)]
    assert walk(line_counter(), [path])[0].left == 1
    assert walk(line_counter(anchor="center"), [path])[0].left == 0


def test_a_zone_counts_each_track_once_though_it_is_lost_and_found(tmp_path):
    file = tmp_path / "zones.json"
    file.write_text('{"shop": [[100, 50], [200, 50], [200, 150], [100, 150]]}')
    counter = Counter(CountingConfig(zones=str(file)), SIZE)
    steps = [([(150, 100), (50, 100)], [1, 2]), ([], []), ([(160, 100)], [1]), ([(150, 90)], [3])]
    counts = [
        counter.update(frame(index), tracks_at(feet, ids))[0]
        for index, (feet, ids) in enumerate(steps)
    ]
    assert [(count.inside, count.entered) for count in counts] == [(1, 1), (0, 1), (1, 1), (1, 2)]
    assert counts[-1].label == "shop: 1 inside, 2 in all"
    assert counts[-1].to_dict()["entered"] == 2


@pytest.mark.parametrize("hidden", [1, 3, 20])
def test_who_is_hidden_on_a_line_has_crossed_it(hidden):
    counter = line_counter()
    steps = [[(50, 90)]] * 3 + [[]] * hidden + [[(50, 110)]] * 3
    for index, feet in enumerate(steps):
        (count,) = counter.update(frame(index), tracks_at(feet))
    assert (count.entered, count.left) == (0, 1)


def test_who_comes_back_after_a_minute_is_new_to_a_line():
    counter = line_counter()
    steps = [[(50, 90)]] * 3 + [[]] * 70 + [[(50, 110)]] * 3
    for index, feet in enumerate(steps):
        (count,) = counter.update(frame(index, rate=1.0), tracks_at(feet))
    assert (count.entered, count.left) == (0, 0)


def test_feet_on_the_edge_of_the_frame_are_in_a_zone_to_its_last_pixels(tmp_path):
    file = tmp_path / "zones.json"
    file.write_text("[[0, 100], [319, 100], [319, 239], [0, 239]]")
    counter = Counter(CountingConfig(zones=str(file)), SIZE)
    (count,) = counter.update(frame(0), tracks_at([(50, 240), (320, 200), (50, 99)]))
    assert count.inside == 2
    assert count.points.max() == 319


def test_memory_does_not_grow_with_the_tracks(tmp_path):
    file = tmp_path / "zones.json"
    file.write_text("[[0, 0], [320, 0], [320, 240], [0, 240]]")
    counter = Counter(CountingConfig(zones=str(file), lines=("0,100,320,100",)), SIZE)
    for index in range(300):
        counts = counter.update(frame(index, rate=1.0), tracks_at([(150, 120)], [index + 1]))
    line, zone = counter._regions
    assert counts[1].entered == 300
    assert len(zone._seen) < 70
    assert len(line._last) < 70
    assert len(line._line.crossing_state_history) < 70


def count_by_geometry(scene, x):
    """How often feet of objects that are seen cross a column, to the left and to the right."""
    sides, crossings = {}, {True: 0, False: 0}
    for index in range(len(scene)):
        objects = scene.ground_truth(index)
        for number, box in zip(objects.id.tolist(), objects.xyxy, strict=True):
            side = bool((box[0] + box[2]) / 2 < x)
            if sides.setdefault(number, side) != side:
                crossings[side] += 1
                sides[number] = side
    return crossings[True], crossings[False]


def test_estimated_boxes_are_counted_as_the_truth_is():
    scene = street(3, size=SIZE, frames=120, walkers=8, vehicles=2, cyclists=1, pan=0.0)
    expected = count_by_geometry(scene, 160)
    assert sum(expected) >= 5
    config = CountingConfig(lines=("0.5,1,0.5,0",))
    truth, tracked = Counter(config, SIZE), Counter(config, SIZE)
    pipeline = MotPipeline(NoisyDetector(scene, seed=3), "lk-flow", 5)
    for image in render(scene):
        objects = scene.ground_truth(image.index)
        given = Tracks(
            id=objects.id,
            xyxy=objects.xyxy,
            score=np.ones(len(objects.id), np.float32),
            class_id=np.zeros(len(objects.id), np.int64),
            detected=np.zeros(len(objects.id), np.bool_),
        )
        (true,) = truth.update(image, given)
        (found,) = tracked.update(image, pipeline.step(image))
    assert (true.entered, true.left) == expected
    assert abs(found.entered - true.entered) + abs(found.left - true.left) <= sum(expected) / 2


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(UsageError, match=r"needs supervision: pip install .*\[supervision\]"):
        line_counter()
