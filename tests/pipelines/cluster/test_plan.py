"""Where recordings are cut."""

from itertools import pairwise

import numpy as np
import pytest

from mvot_pipelines.cluster.pieces import plan_pieces
from mvot_pipelines.cluster.pieces.key_frames import FrameTable
from mvot_pipelines.cluster.pieces.plan import Frames


def table(frames, every, rate=25.0):
    keys = np.zeros(frames, np.bool_)
    keys[::every] = True
    return FrameTable(seconds=np.arange(frames) / rate, is_key=keys)


def check(pieces, frames):
    """Every frame is in a piece, and each two neighbours share some."""
    assert pieces[0].start == frames.first
    assert pieces[-1].stop == frames.stop
    assert pieces[-1].next_start is None
    for number, (one, other) in enumerate(pairwise(pieces)):
        assert (one.number, other.number) == (number, number + 1)
        assert one.next_start == other.start
        assert one.start < other.start < other.shared
        assert other.shared == (frames.length if one.stop is None else one.stop)


def test_pieces_begin_on_detection_frames_at_key_frames_and_overlap():
    frames = Frames(length=15000, rate=25.0, table=table(15000, 48), every=5)
    pieces = plan_pieces(frames, 60.0, 5.0)
    check(pieces, frames)
    assert len(pieces) == 10
    for piece in pieces:
        assert piece.start % 5 == 0
        assert piece.start % 48 < 5  # the first detection frame from a key frame on
        assert abs(piece.start / 25 - 60 * piece.number) < 2
        assert piece.seconds == (piece.start / 25 if piece.number else None)
    assert all(piece.stop - piece.next_start == 125 for piece in pieces[:-1])


@pytest.mark.parametrize("every", [1, 3, 7])
@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("first", [0, 11])
def test_pieces_begin_on_frames_on_which_the_unbroken_run_detects(every, stride, first):
    k = every * stride
    frames = Frames(length=900, rate=30.0, first=first, stop=850, stride=stride, every=k)
    taken = list(range(first, 850, stride))
    due, detected = first, set()
    for index in taken:
        if index >= due:
            detected.add(index)
            due = (index // k + 1) * k
    pieces = plan_pieces(frames, 5.0, 1.0)
    check(pieces, frames)
    assert len(pieces) > 3
    assert {piece.start for piece in pieces} <= detected


@pytest.mark.parametrize(
    ("rate", "every", "shared"), [(25.0, 5, 125), (25.0, 10, 200), (7.0, 5, 100), (7.0, 100, 420)]
)
def test_pieces_share_five_seconds_or_twenty_detections_but_no_more_than_a_piece(
    rate, every, shared
):
    length = round(600 * rate)
    frames = Frames(length=length, rate=rate, every=every)
    pieces = plan_pieces(frames, 60.0, None)
    check(pieces, frames)
    shares = [piece.stop - piece.next_start for piece in pieces[:-2]]
    assert all(abs(share - shared) <= every for share in shares)


def test_a_video_without_regular_key_frames_is_cut_where_it_suits():
    frames = Frames(length=1000, rate=25.0, table=table(1000, 1000), every=5)
    pieces = plan_pieces(frames, 10.0, 2.0)
    check(pieces, frames)
    assert [piece.start for piece in pieces] == [0, 250, 500, 750]


def test_short_recordings_stay_whole():
    for length in (1, 2, 30, 80):
        pieces = plan_pieces(Frames(length=length, rate=25.0, every=5), 3.0, 1.0)
        assert len(pieces) == 1
        assert (pieces[0].start, pieces[0].stop, pieces[0].shared) == (0, None, 0)


def test_a_piece_that_is_shorter_than_its_overlap_ends_with_the_recording():
    frames = Frames(length=100, rate=25.0, every=5)
    pieces = plan_pieces(frames, 1.0, 1.0)
    check(pieces, frames)
    assert len(pieces) == 4
    assert all(piece.stop is None or piece.stop <= 100 for piece in pieces)
