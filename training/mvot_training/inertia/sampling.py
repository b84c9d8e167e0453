"""The batches that inertia is trained on, sampled from windows of all kinds."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from mvot_training.inertia.config import InertiaTrainingConfig
from mvot_training.inertia.synthetic import sample_trajectories
from mvot_training.inertia.windows import (
    Windows,
    decode_differences,
    encode_differences,
    mirror_windows,
)

__all__ = ["WindowSampler"]


@dataclass(frozen=True, kw_only=True, eq=False)
class WindowSampler:
    """Samples batches of windows of filmed objects and of synthetic trajectories."""

    tracked: Windows
    """Windows whose known boxes are the tracker's."""
    filmed: Windows
    """Windows whose known boxes are the ground truth."""

    def sample_batch(self, rng: np.random.Generator, config: InertiaTrainingConfig) -> Windows:
        """A batch in the shares of ``config``; those of a kind without windows go to the others.

        A ``noise_share`` of the filmed and synthetic windows gets the tracker's errors, which are
        those of tracked windows relative to the ground truth. Half of the filmed windows run
        backwards, and half of all are mirrored.
        """
        known = self.filmed.seen.shape[1]
        counts = rng.multinomial(config.batch, self._shares(config)).tolist()
        true = sample_trajectories(rng, counts[2], known + config.ahead)
        synthetic = Windows(seen=true[:, :known], true=true)
        filmed = _reverse_half(_sample_windows(self.filmed, rng, counts[1]), rng)
        exact = Windows.cat([filmed, synthetic])
        tracked = _sample_windows(self.tracked, rng, counts[0])
        batch = Windows.cat([tracked, self._add_noise(exact, rng, config.noise_share)])
        is_mirrored = rng.random(len(batch)) < 0.5
        return Windows.cat([mirror_windows(batch[is_mirrored]), batch[~is_mirrored]])

    def _shares(self, config: InertiaTrainingConfig) -> Float64[np.ndarray, "3"]:
        """The shares of tracked, filmed and synthetic windows in a batch."""
        filmed = config.filmed_share if len(self.filmed) else 0.0
        tracked = config.tracked_share if len(self.tracked) else 0.0
        shares = np.array([tracked, filmed, config.synthetic_share])
        if not shares.any():
            shares[2] = 1.0
        return np.asarray(shares / shares.sum())

    def _add_noise(self, windows: Windows, rng: np.random.Generator, share: float) -> Windows:
        """Add errors that the tracker made elsewhere to the known boxes of a share of windows."""
        if not len(self.tracked):
            return windows
        known = windows.seen.shape[1]
        others = _sample_windows(self.tracked, rng, len(windows))
        errors = encode_differences(others.seen, others.true[:, :known])
        noisy = decode_differences(errors, windows.seen)
        is_noisy = rng.random(len(windows)) < share
        seen = np.where(is_noisy[:, None, None], noisy, windows.seen)
        return Windows(seen=seen, true=windows.true)


def _sample_windows(windows: Windows, rng: np.random.Generator, count: int) -> Windows:
    """Sample ``count`` windows with replacement."""
    if count == 0:
        return windows[:0]
    return windows[rng.integers(len(windows), size=count)]


def _reverse_half(windows: Windows, rng: np.random.Generator) -> Windows:
    """Reverse the time of half of the windows, whose known boxes are the ground truth."""
    is_reversed = (rng.random(len(windows)) < 0.5)[:, None, None]
    true = np.where(is_reversed, windows.true[:, ::-1], windows.true)
    return Windows(seen=true[:, : windows.seen.shape[1]], true=true)
