"""Windows and settings for the tests of the stage `inertia`."""

import numpy as np

from mvot_plugin.models.siammotion_config import SiamMotionConfig
from mvot_training.inertia.config import InertiaTrainingConfig
from mvot_training.inertia.windows import Windows

KNOWN, AHEAD = 6, 3
NARROW = SiamMotionConfig(width=32, backbone_width=16)
CONFIG = InertiaTrainingConfig(
    steps=10, batch=32, ahead=AHEAD, validate_every=4, warmup_steps=2, held_out=("kept",)
)
NO_WINDOWS = Windows.empty(KNOWN, AHEAD)


def constant_velocity_windows(count, seed=0, fastest=0.3, side=40.0):
    """Windows of squares at constant velocities, up to ``fastest`` sides a frame."""
    rng = np.random.default_rng(seed)
    velocity = rng.uniform(-fastest, fastest, (count, 1, 2)) * side
    centre = 300 + velocity * np.arange(KNOWN + AHEAD)[:, None]
    true = np.concatenate([centre, np.full_like(centre, side)], axis=2).astype(np.float32)
    return Windows(seen=true[:, :KNOWN], true=true)
