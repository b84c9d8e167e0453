"""Short trainings of narrow networks for the tests of the stages `siamfc` and `siammt`."""

import torch

from mvot_plugin.models.siamfc.config import CorrelationConfig
from mvot_plugin.models.siamfc.network import SiamFCNet
from mvot_training.siamfc.config import SiamFCTrainingConfig, SiamMTTrainingConfig
from mvot_training.siamfc.trainer import SiamFCTrainer

CHANNELS = (16, 32, 32, 32, 32)
CPU = torch.device("cpu")
SHORT = {
    "channels": CHANNELS,
    "steps": 4,
    "batch": 2,
    "warmup_steps": 2,
    "validate_every": 2,
    "synthetic_scenes": 0,
}
FC = SiamFCTrainingConfig(**SHORT, teacher="", held_out=("kept",), validation_frames=3)
MT = SiamMTTrainingConfig(**SHORT, held_out=("kept",), validation_frames=3)


def create_trainer(config=FC, seed=0):
    """A trainer of a narrow network of seeded random weights."""
    torch.manual_seed(seed)
    context = 0.0 if isinstance(config, SiamMTTrainingConfig) else 0.5
    network = SiamFCNet(CorrelationConfig(channels=CHANNELS, context=context))
    return SiamFCTrainer(network, config, CPU)
