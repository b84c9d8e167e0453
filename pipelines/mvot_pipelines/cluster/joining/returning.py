"""Which tracks of a piece come back in the next one, after they were out of sight.

These are taken for the same on appearance and place together, by the rules that the pipeline's own
memory of lost targets has (``mvot_plugin/association/memory.py``).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64

from mvot_pipelines.cluster.pieces import Looks, PieceResult
from mvot_pipelines.pipeline_config import PipelineConfig
from mvot_plugin.association.appearance import SimilarityModel
from mvot_plugin.association.assignment import assign
from mvot_plugin.association.memory import place_evidence
from mvot_plugin.rows import Rows
from mvot_plugin.types import XYXY, Detections

__all__ = ["match_returning"]

_GATE = 1.0
"""Least evidence that a track is one that was lost, in log odds. The pipeline's own is -0.5: its
lost targets are compared with what nothing else explains, and these with all that are new."""
_COURSE_SECONDS = 1.0
"""Of its last boxes, which say how fast a track moves."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Ends(Rows):
    """N tracks on the first or the last frame on which they are reported."""

    id: Int64[np.ndarray, " n"]
    time: Float64[np.ndarray, " n"]
    boxes: Float32[XYXY, " n"]
    class_id: Int64[np.ndarray, " n"]
    velocity: Float64[np.ndarray, "n 2"]
    """Pixels per second."""


def match_returning(
    before: PieceResult,
    after: PieceResult,
    config: PipelineConfig,
    joined: tuple[Int64[np.ndarray, " pairs"], Int64[np.ndarray, " pairs"]],
) -> tuple[Int64[np.ndarray, " more"], Int64[np.ndarray, " more"]]:
    """Match further tracks of a piece with those of the next one that begin after their end.

    Args:
        before: The piece.
        after: The next one.
        config: The settings of the pipeline.
        joined: The ids of the tracks that are matched already.

    Returns:
        The ids of each further pair, in the one and in the other piece.
    """
    none = np.empty(0, np.int64)
    if config.solver != "affinity" or not config.memory.seconds or not len(before):
        return none, none
    lost, new = _find_ends(before, first=False), _find_ends(after, first=True)
    lost = lost[~np.isin(lost.id, joined[0])]
    lost = lost[before.timestamp[-1] - lost.time <= config.memory.seconds]
    goes_on = after.tracks.id[after.index[after.row_frames()] > before.index[-1]]
    new = new[np.isin(new.id, goes_on) & ~np.isin(new.id, joined[1])]
    if not len(lost) or not len(new):
        return none, none
    evidence = _compare_places(lost, new, config)
    evidence += _compare_looks(before.looks, after.looks, lost.id, new.id, config)
    elapsed = new.time[None] - lost.time[:, None]
    possible = (elapsed > 0) & (elapsed <= config.memory.seconds)
    possible &= lost.class_id[:, None] == new.class_id
    gain = np.where(possible, np.maximum(evidence - _GATE, 0), 0)
    match = assign(gain.astype(np.float32), 0.0)
    return lost.id[match.targets], new.id[match.detections]


def _find_ends(result: PieceResult, *, first: bool) -> _Ends:
    """Each track on its first or its last frame."""
    tracks, frames = result.tracks, result.row_frames()
    step = 1 if first else -1
    ids, rows = np.unique(tracks.id[::step], return_index=True)
    rows = rows if first else len(tracks) - 1 - rows
    times = result.timestamp[frames] if len(frames) else np.empty(0)
    velocity = [_measure_velocity(result, times, int(row)) for row in rows]
    return _Ends(
        id=ids,
        time=times[rows],
        boxes=tracks.xyxy[rows],
        class_id=tracks.class_id[rows],
        velocity=np.array(velocity, np.float64).reshape(-1, 2),
    )


def _measure_velocity(
    result: PieceResult, times: Float64[np.ndarray, " n"], row: int
) -> Float64[np.ndarray, "2"]:
    """The velocity of a track up to a row, in pixels per second; 0 where it is new."""
    tracks, begin = result.tracks, np.searchsorted(times, times[row] - _COURSE_SECONDS)
    own = np.flatnonzero(tracks.id[begin : row + 1] == tracks.id[row]) + begin
    elapsed = times[row] - times[own[0]]
    if elapsed < _COURSE_SECONDS / 2:
        return np.zeros(2)
    boxes = tracks.xyxy[own[[0, -1]]].astype(np.float64)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.asarray((middles[1] - middles[0]) / elapsed)


def _compare_places(lost: _Ends, new: _Ends, config: PipelineConfig) -> Float64[np.ndarray, "n m"]:
    """What the places of N lost and M new tracks say, as a log likelihood."""
    evidence = np.zeros((len(lost), len(new)))
    for column in range(len(new)):
        elapsed = new.time[column] - lost.time
        shift = lost.velocity * np.clip(elapsed, 0, config.memory.inertia)[:, None]
        boxes = (lost.boxes + np.tile(shift, 2)).astype(np.float32)
        seen = Detections.of(new.boxes[column : column + 1])
        elapsed = np.maximum(elapsed, 0)
        evidence[:, column] = place_evidence(boxes, elapsed, seen, config.memory)[:, 0]
    return evidence


def _compare_looks(
    before: Looks,
    after: Looks,
    lost: Int64[np.ndarray, " n"],
    new: Int64[np.ndarray, " m"],
    config: PipelineConfig,
) -> Float64[np.ndarray, "n m"]:
    """What the looks of N lost and M new tracks say, as a log likelihood ratio; 0 if unknown."""
    similarity = np.full((len(lost), len(new)), np.nan, np.float32)
    if len(before) and len(after):
        most = config.appearance.looks
        for row, one in enumerate(lost.tolist()):
            mine = before.embedding[before.id == one][-most:]
            for column, other in enumerate(new.tolist()):
                theirs = after.embedding[after.id == other][:2]
                if len(mine) and len(theirs):
                    cosines = np.sort(mine @ theirs.T, axis=0)
                    similarity[row, column] = cosines[-2:].mean()
    return _learn_similarity(before, after, config).log_ratio(similarity)


def _learn_similarity(before: Looks, after: Looks, config: PipelineConfig) -> SimilarityModel:
    """What a cosine says about identity, by the looks of the two pieces."""
    model = SimilarityModel(config=config.appearance)
    for looks in (before, after):
        for time in np.unique(looks.time):
            model.learn_others(looks.embedding[looks.time == time])
        for one in np.unique(looks.id):
            own = looks.embedding[looks.id == one]
            if len(own) > 2:
                cosines = np.sort(np.tril(own @ own.T, -1), axis=1)[2:, -2:]
                model.learn_same(cosines.mean(1).astype(np.float32))
    return model
