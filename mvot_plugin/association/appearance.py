"""Appearance: several looks of each target, and what a similarity says about identity."""

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from mvot_plugin.config import CheckedConfig, Fraction, NonNegative, Positive, Range
from mvot_plugin.errors import InputError

__all__ = ["AppearanceConfig", "Gallery", "SimilarityModel"]


@dataclass(frozen=True, kw_only=True)
class AppearanceConfig(CheckedConfig):
    """Settings of the comparison of appearances."""

    weight: NonNegative = 1.0
    """Weight of appearance against place, both in log odds. 0 leaves appearance out."""
    limit: NonNegative = 3.0
    """Most that appearance says for or against a match, in log odds, so that it never overrules a
    place that is sure."""
    looks: Annotated[int, Range(1, 1000)] = 8
    """Looks (embeddings) kept of each target, the latest ones."""
    interval: NonNegative = 0.5
    """Seconds between kept looks; until then, the latest look replaces the one before."""
    covered: Fraction = 0.2
    """Share of a detection behind others from which it is not kept as a look."""
    evidence: Positive = 400.0
    """Pairs that the statistics of similarities are averaged over."""


@dataclass(kw_only=True)
class _Gaussian:
    """A running mean and variance."""

    mean: float
    variance: float
    count: float = 20.0

    def update(self, values: Float64[np.ndarray, " n"], most: float) -> None:
        """Average ``values`` in; at most 20 count, so that a crowd does not outweigh the past."""
        if not len(values):
            return
        new = min(len(values), 20)
        share = new / (self.count + new)
        shift = float(values.mean()) - self.mean
        spread = float(values.var()) + (1 - share) * shift**2
        self.variance = (1 - share) * self.variance + share * spread
        self.mean += share * shift
        self.count = min(self.count + new, most)

    def log_density(self, values: Float64[np.ndarray, "n m"]) -> Float64[np.ndarray, "n m"]:
        """The logarithm of the density, less a constant."""
        squares = (values - self.mean) ** 2 / (2 * self.variance)
        return np.asarray(-squares - 0.5 * np.log(self.variance))


@dataclass(kw_only=True)
class SimilarityModel:
    """What a cosine says about identity, learnt on the video itself for any embedder.

    Detections of one frame are different objects; matched pairs are, nearly always, the same. The
    cosines of both kinds are taken as Gaussians, and their ratio is the evidence.
    """

    config: AppearanceConfig
    same: _Gaussian = field(default_factory=lambda: _Gaussian(mean=0.75, variance=0.12**2))
    other: _Gaussian = field(default_factory=lambda: _Gaussian(mean=0.4, variance=0.15**2))

    def log_ratio(self, similarity: Float32[np.ndarray, "n m"]) -> Float64[np.ndarray, "n m"]:
        """The weighted log likelihood ratio of the same against another object; 0 where NaN.

        Higher cosines than usual are as good as the usual ones. All is 0 where the cosines of the
        same object are no higher than those of others: such embeddings say nothing.
        """
        same, other = self.same, self.other
        if same.mean <= other.mean:
            return np.zeros(similarity.shape)
        cosine = np.minimum(similarity.astype(np.float64), same.mean)
        if same.variance > other.variance:  # below this cosine the ratio would rise again
            turn = other.mean * same.variance - same.mean * other.variance
            cosine = np.maximum(cosine, turn / (same.variance - other.variance))
        ratio = same.log_density(cosine) - other.log_density(cosine)
        limit = self.config.limit
        weighted = self.config.weight * np.clip(ratio, -limit, limit)
        return np.asarray(np.nan_to_num(weighted, nan=0.0))

    def learn_others(self, embeddings: Float32[np.ndarray, "m d"]) -> None:
        """Learn from the M detections of one frame, each compared with the next."""
        known = embeddings[embeddings.any(1)]
        self._update(self.other, np.einsum("md,md->m", known[1:], known[:-1]))

    def learn_same(self, similarity: Float32[np.ndarray, " pairs"]) -> None:
        """Learn from the cosines of matched pairs."""
        self._update(self.same, similarity)

    def _update(self, kind: _Gaussian, cosines: Float32[np.ndarray, " n"]) -> None:
        known = cosines[np.isfinite(cosines)].astype(np.float64)
        kind.update(known, self.config.evidence)
        kind.variance = max(kind.variance, 1e-4)


class Gallery:
    """The latest looks of each target, by id."""

    def __init__(self, looks: int, interval: float) -> None:
        self._looks, self._interval = looks, interval
        self._rows: dict[int, int] = {}
        self._counts = np.zeros(0, np.int64)
        self._opened = np.zeros(0)
        self._bank = np.zeros((0, looks, 0), np.float32)

    def compare(
        self,
        ids: Int64[np.ndarray, " n"],
        embeddings: Float32[np.ndarray, "m d"],
        wanted: Bool[np.ndarray, "n m"],
    ) -> Float32[np.ndarray, "n m"]:
        """The mean cosine of each detection with the two most similar looks of each target.

        NaN for pairs that are not ``wanted``, for a target without looks, and for an embedding of
        zeros. Raises ``InputError`` where embeddings change their length during a video.
        """
        similarity = np.full(wanted.shape, np.nan, np.float32)
        if not self._rows or not len(embeddings):
            return similarity
        self._check_length(embeddings)
        wanted = wanted & embeddings.any(1)
        for target in np.flatnonzero(wanted.any(1)):
            row = self._rows.get(int(ids[target]))
            if row is not None:
                looks = self._bank[row, : min(self._counts[row], self._looks)]
                cosines = np.sort(looks @ embeddings[wanted[target]].T, axis=0)
                similarity[target, wanted[target]] = cosines[-2:].mean(0)
        return similarity

    def add(
        self, ids: Int64[np.ndarray, " n"], embeddings: Float32[np.ndarray, "n d"], time: float
    ) -> None:
        """Keep one look of each of N targets, seen at a time in seconds; zeros are left out.

        Raises ``InputError`` where embeddings change their length during a video.
        """
        if len(embeddings) and not self._bank.shape[2]:
            self._bank = np.zeros((0, self._looks, embeddings.shape[1]), np.float32)
        if len(embeddings):
            self._check_length(embeddings)
        for identity, embedding in zip(ids.tolist(), embeddings, strict=True):
            if embedding.any():
                row = self._row_of(identity)
                is_due = not self._counts[row] or time - self._opened[row] >= self._interval
                if is_due:
                    self._opened[row] = time
                if is_due or self._counts[row] == 1:  # the first look stays as it was
                    self._counts[row] += 1
                self._bank[row, (self._counts[row] - 1) % self._looks] = embedding

    def retain(self, ids: Int64[np.ndarray, " n"]) -> None:
        """Forget all targets but these N."""
        for identity in self._rows.keys() - set(ids.tolist()):
            self._counts[self._rows.pop(identity)] = -1

    def _row_of(self, identity: int) -> int:
        """The row of a target in the bank, which grows where it is full."""
        if identity not in self._rows:
            free = np.flatnonzero(self._counts < 0)
            if not len(free):
                free = np.array([len(self._counts)])
                size = max(16, len(self._counts))
                self._counts = np.concatenate([self._counts, np.full(size, -1)])
                self._opened = np.concatenate([self._opened, np.zeros(size)])
                empty = np.zeros((size, *self._bank.shape[1:]), np.float32)
                self._bank = np.concatenate([self._bank, empty])
            self._rows[identity] = int(free[0])
            self._counts[free[0]] = 0
        return self._rows[identity]

    def _check_length(self, embeddings: Float32[np.ndarray, "m d"]) -> None:
        if embeddings.shape[1] != self._bank.shape[2]:
            raise InputError(
                f"embeddings of {embeddings.shape[1]} numbers after ones of {self._bank.shape[2]}: "
                "an embedder must keep the length of its embeddings during a video"
            )
