"""The plain tracker that ours is compared with, `lk-hungarian`."""

import cv2
import numpy as np

from mvot_benchmarks.peers import TRACKERS
from mvot_benchmarks.peers.base import PeerConfig
from mvot_plugin.types import Detections, Frame

TEXTURE = np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8)
SHIFT = 3


def build(k, has_detector_scores=True):
    config = PeerConfig(k=k, frame_rate=10.0, has_detector_scores=has_detector_scores)
    return TRACKERS["lk-hungarian"][1](config)


def box_at(index, left=20):
    """A patch of 48x64 pixels that moves to the right."""
    return [left + SHIFT * index, 40.0, left + SHIFT * index + 64, 88.0]


def frame_at(index):
    """Grey, with the patch on it."""
    image = np.full((128, 256, 3), 127, np.uint8)
    x0, y0, x1, y1 = map(int, box_at(index))
    image[y0:y1, x0:x1] = cv2.resize(TEXTURE, (x1 - x0, y1 - y0), interpolation=cv2.INTER_CUBIC)
    return Frame(image=image, index=index, timestamp=index / 10)


def test_boxes_move_with_the_image_between_detections():
    peer, first = build(5), Detections.of([box_at(0)], 0.9, 2)
    tracks = [peer.step(frame_at(i), first if i == 0 else None) for i in range(5)]
    for index, one in enumerate(tracks):
        assert np.allclose(one.xyxy, [box_at(index)], atol=0.3)
        assert (one.id.tolist(), one.class_id.tolist()) == ([1], [2])
        assert one.detected.tolist() == [index == 0]


def test_a_detection_replaces_the_box_that_it_matches():
    peer = build(2)
    peer.step(frame_at(0), Detections.of([box_at(0)], 0.9, 2))
    peer.step(frame_at(1), None)
    measured = Detections.of([np.array(box_at(2)) + 5], 0.8, 1)
    tracks = peer.step(frame_at(2), measured)
    assert np.array_equal(tracks.xyxy, measured.xyxy)
    assert (tracks.id.tolist(), tracks.class_id.tolist()) == ([1], [1])
    assert np.allclose(tracks.score, 0.8)


def test_pairs_have_the_largest_total_overlap():
    peer = build(2)
    peer.step(frame_at(0), Detections.of([[0, 0, 10, 10], [4, 0, 14, 10]]))
    tracks = peer.step(frame_at(0), Detections.of([[3, 0, 13, 10], [9, 0, 19, 10]]))
    by_id = dict(zip(tracks.id.tolist(), tracks.xyxy[:, 0].tolist(), strict=True))
    assert by_id == {1: 3, 2: 9}  # the nearest pair first would have left both apart


def test_a_track_that_two_detector_calls_in_a_row_have_missed_ends():
    peer, found = build(2), Detections.of([box_at(0)])
    counts = [
        len(peer.step(frame_at(0), one))
        for one in (found, Detections.empty(), found, Detections.empty(), None, Detections.empty())
    ]
    assert counts == [1, 1, 1, 1, 1, 0]
    assert peer.step(frame_at(0), found).id.tolist() == [2]


def test_with_a_detector_on_every_frame_a_track_is_shown_from_its_second_detection_on():
    every, found = build(1), Detections.of([box_at(0)])
    assert [len(every.step(frame_at(0), found)) for _ in range(2)] == [0, 1]


def test_detections_of_little_confidence_start_no_track_but_keep_one_alive():
    weak, strong = (Detections.of([box_at(0)], confidence) for confidence in (0.2, 0.4))
    peer = build(2)
    assert [len(peer.step(frame_at(0), one)) for one in (weak, strong, weak, weak)] == [0, 1, 1, 1]
    assert len(build(2, has_detector_scores=False).step(frame_at(0), weak)) == 1


def test_a_box_without_texture_stays_where_it_is():
    peer, outside = build(2), [300.0, 10.0, 340.0, 50.0]
    boxes = [[150.0, 100.0, 200.0, 120.0], outside]
    peer.step(frame_at(0), Detections.of(boxes))
    assert np.array_equal(peer.step(frame_at(1), None).xyxy, np.float32(boxes))
