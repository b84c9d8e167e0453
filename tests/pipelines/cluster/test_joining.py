"""Identities are joined where pieces overlap, and where a target comes back."""

import numpy as np
import pytest

from mvot_pipelines.cluster.joining import Joiner
from mvot_pipelines.cluster.pieces import Looks, Piece, PieceResult
from mvot_pipelines.pipeline_config import PipelineConfig
from mvot_plugin.association.memory import MemoryConfig
from mvot_plugin.types import Tracks

RATE = 10.0
LOOKS = np.eye(4, dtype=np.float32)


def make_result(number, start, stop, shared, next_start, tracks, looks=(), digest=0):
    """A piece of given tracks: (id, first frame, last frame, x) stand at x, 20 pixels wide."""
    index = np.arange(start, stop)
    parts, rows = [], []
    for frame in index.tolist():
        here = [(one, x) for one, first, last, x in tracks if first <= frame <= last]
        boxes = [[x, 50, x + 20, 90] for _, x in here]
        parts.append(
            Tracks(
                id=np.array([one for one, _ in here], np.int64),
                xyxy=np.array(boxes, np.float32).reshape(-1, 4),
                score=np.ones(len(here), np.float32),
                class_id=np.zeros(len(here), np.int64),
                detected=np.ones(len(here), np.bool_),
            )
        )
        rows.append(len(here))
    kept = [
        (one, frame / RATE, LOOKS[look])
        for one, look in looks
        for t, first, last, _ in tracks
        for frame in range(max(first, start), min(last, stop - 1) + 1, 5)
        if t == one
    ]
    return PieceResult(
        piece=Piece(
            number=number, start=start, stop=stop, shared=shared, next_start=next_start, seconds=1.0
        ),
        index=index,
        timestamp=index / RATE,
        rows=np.array(rows, np.int64),
        called=np.ones(len(index), np.int64),
        found=np.array(rows, np.int64),
        tracks=Tracks.cat(parts or [Tracks.empty()]),
        digests={int(n): digest for n in index},
        looks=Looks(
            id=np.array([one for one, _, _ in kept], np.int64),
            time=np.array([time for _, time, _ in kept], np.float64),
            embedding=np.array([look for *_, look in kept], np.float32).reshape(-1, 4),
        ),
        size=(320, 240),
    )


def join(*results, config=None):
    """The places of each identity: {id: {frame: x}}."""
    joiner, found, frames = Joiner(config or PipelineConfig()), {}, []
    for result in results:
        assert joiner.fits(result)
        for _, frame, tracks in joiner.add(result):
            frames.append(frame.index)
            assert len(set(tracks.id.tolist())) == len(tracks)
            for one, box in zip(tracks.id.tolist(), tracks.xyxy.tolist(), strict=True):
                found.setdefault(one, {})[frame.index] = box[0]
    assert frames == list(range(len(frames)))
    return found, joiner


def test_targets_in_the_same_place_on_shared_frames_are_one():
    one = make_result(0, 0, 60, 0, 40, [(1, 0, 59, 10), (2, 5, 59, 200)])
    other = make_result(1, 40, 100, 60, None, [(1, 40, 99, 200), (2, 40, 99, 10)])
    found, joiner = join(one, other)
    assert set(found) == {1, 2}
    assert set(found[1].values()) == {10}
    assert set(found[2].values()) == {200}
    assert set(found[1]) == set(range(100))
    assert (joiner.joined, joiner.returned) == (2, 0)


def test_ids_count_from_one_in_the_order_in_which_targets_are_first_reported():
    one = make_result(0, 0, 60, 0, 40, [(9, 3, 59, 10), (4, 0, 59, 100)])
    other = make_result(1, 40, 100, 60, None, [(3, 40, 99, 100), (8, 70, 99, 300)])
    found, _ = join(one, other)
    assert {n: min(places) for n, places in found.items()} == {1: 0, 2: 3, 3: 70}
    assert set(found[1].values()) == {100}


def test_shared_frames_are_taken_from_the_earlier_piece():
    one = make_result(0, 0, 60, 0, 40, [(1, 0, 59, 10)])
    other = make_result(1, 40, 100, 60, None, [(1, 40, 99, 12)])
    found, _ = join(one, other)
    assert [frame for frame, x in found[1].items() if x == 12] == list(range(60, 100))


def test_the_identity_at_the_end_of_the_shared_frames_counts_most():
    """The later piece loses its first track half-way, and the earlier one does not."""
    one = make_result(0, 0, 60, 0, 40, [(1, 0, 59, 10)])
    other = make_result(1, 40, 100, 60, None, [(1, 40, 51, 10), (2, 52, 99, 10)])
    found, _ = join(one, other)
    assert set(found) == {1}


def test_who_is_elsewhere_is_another():
    one = make_result(0, 0, 60, 0, 40, [(1, 0, 59, 10)])
    other = make_result(1, 40, 100, 60, None, [(1, 40, 99, 26)])
    found, joiner = join(one, other)
    assert set(found) == {1, 2}
    assert joiner.joined == 0


def returning(look, gap=8, x=14):
    """A target that is hidden over the seam, beside two that stay; comes back as one that looks
    so."""
    stay = [(2, 0, 59, 100), (3, 0, 59, 200)]
    looks = [(1, 0), (2, 1), (3, 2)]
    one = make_result(0, 0, 60, 0, 40, [(1, 0, 38, 10), *stay], looks)
    stay = [(2, 40, 149, 100), (3, 40, 149, 200)]
    looks = [(1, look), (2, 1), (3, 2)]
    begin = 60 + gap
    return one, make_result(1, 40, 150, 60, None, [(1, begin, 149, x), *stay], looks)


def test_a_target_that_is_hidden_over_the_seam_comes_back_as_itself():
    found, joiner = join(*returning(look=0))
    assert set(found) == {1, 2, 3}
    assert set(found[1]) == {*range(39), *range(68, 150)}
    assert (joiner.joined, joiner.returned) == (3, 1)


@pytest.mark.parametrize("other", [{"look": 3}, {"look": 0, "x": 290}])
def test_one_that_looks_otherwise_or_is_far_away_is_another(other):
    found, _ = join(*returning(**other))
    assert set(found) == {1, 2, 3, 4}


def test_who_was_hidden_for_longer_than_the_memory_is_another():
    config = PipelineConfig(memory=MemoryConfig(seconds=2.0))
    found, _ = join(*returning(look=0), config=config)
    assert set(found) == {1, 2, 3, 4}
    assert set(join(*returning(look=0, gap=80))[0]) == {1, 2, 3, 4}


def test_the_solver_that_knows_no_memory_takes_nobody_back():
    found, _ = join(*returning(look=0), config=PipelineConfig(solver="siammot"))
    assert set(found) == {1, 2, 3, 4}


def test_who_was_in_view_beside_another_is_not_that_other():
    """The new one begins before the lost one ends, so that both were seen at once."""
    one = make_result(0, 0, 60, 0, 40, [(1, 0, 55, 10)], [(1, 0)])
    other = make_result(1, 40, 100, 60, None, [(1, 50, 99, 40)], [(1, 0)])
    found, _ = join(one, other)
    assert set(found) == {1, 2}


def test_pieces_without_tracks_and_without_frames_are_joined_too():
    empty = make_result(1, 40, 100, 60, 80, [])
    last = make_result(2, 80, 140, 100, None, [(5, 90, 139, 10)])
    found, _ = join(make_result(0, 0, 60, 0, 40, [(1, 0, 59, 10)]), empty, last)
    assert set(found) == {1, 2}
    assert set(found[2]) == set(range(100, 140))
    nothing = make_result(0, 0, 0, 0, None, [])
    assert join(nothing)[0] == {}


@pytest.mark.parametrize("change", ["digest", "frames"])
def test_a_piece_with_other_frames_than_the_one_before_does_not_fit(change):
    joiner = Joiner(PipelineConfig())
    list(joiner.add(make_result(0, 0, 60, 0, 40, [(1, 0, 59, 10)])))
    if change == "digest":
        other = make_result(1, 40, 100, 60, None, [], digest=1)
    else:
        other = make_result(1, 41, 100, 60, None, [])
        object.__setattr__(other.piece, "start", 40)
    assert not joiner.fits(other)
