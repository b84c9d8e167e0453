"""What inertia learns from: windows of all kinds, and batches drawn from them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from mvot_pipelines.training.inertia.invented import invented
from mvot_pipelines.training.inertia.settings import InertiaConfig
from mvot_pipelines.training.inertia.windows import Windows, coded, mirrored, moved_by

__all__ = ["Material"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """Windows of filmed objects, by what inertia is given of them.

    ``tracked``: the tracker's boxes; ``filmed``: the true ones.
    """

    tracked: Windows
    filmed: Windows

    def draw(self, rng: np.random.Generator, config: InertiaConfig) -> Windows:
        """A batch in the shares of ``config``; those of a kind without windows go to the others.

        Filmed and invented windows get the tracker's errors in a ``noisy`` share of cases: those of
        a tracked window, coded against the truth. Half of the filmed ones run backwards, and half
        of all are mirrored.
        """
        known = self.filmed.seen.shape[1]
        counts = rng.multinomial(config.batch, self._shares(config)).tolist()
        true = invented(rng, counts[2], known + config.ahead)
        own = Windows(seen=true[:, :known], true=true)
        clean = Windows.cat([_either_way(_some(self.filmed, rng, counts[1]), rng), own])
        batch = Windows.cat(
            [_some(self.tracked, rng, counts[0]), self._blurred(clean, rng, config.noisy)]
        )
        left = rng.random(len(batch)) < 0.5
        return Windows.cat([mirrored(batch[left]), batch[~left]])

    def _shares(self, config: InertiaConfig) -> Float64[np.ndarray, "3"]:
        filmed = config.filmed if len(self.filmed) else 0.0
        tracked = config.tracked if len(self.tracked) else 0.0
        shares = np.array([tracked, filmed, config.invented])
        if not shares.any():
            shares[2] = 1.0
        return np.asarray(shares / shares.sum())

    def _blurred(self, windows: Windows, rng: np.random.Generator, share: float) -> Windows:
        """The windows, a share of them seen with errors that the tracker made elsewhere."""
        if not len(self.tracked):
            return windows
        known = windows.seen.shape[1]
        others = _some(self.tracked, rng, len(windows))
        errors = coded(others.seen, others.true[:, :known])
        seen = moved_by(errors, windows.seen)
        blurred = rng.random(len(windows)) < share
        return Windows(seen=np.where(blurred[:, None, None], seen, windows.seen), true=windows.true)


def _some(windows: Windows, rng: np.random.Generator, count: int) -> Windows:
    """So many windows, drawn with replacement."""
    if count == 0:
        return windows[:0]
    return windows[rng.integers(len(windows), size=count)]


def _either_way(windows: Windows, rng: np.random.Generator) -> Windows:
    """Windows of true boxes, half of them as if time ran backwards."""
    back = (rng.random(len(windows)) < 0.5)[:, None, None]
    true = np.where(back, windows.true[:, ::-1], windows.true)
    return Windows(seen=true[:, : windows.seen.shape[1]], true=true)
