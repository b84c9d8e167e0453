"""How often each kind of training pair is sampled."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mvot_plugin.errors import UsageError, unknown_name

__all__ = ["ORIGINS", "SamplingConfig", "require_labels"]

ORIGINS = ("videos", "synthetic", "photos", "cutouts", "unlabelled")
"""The origins of pairs: annotated videos, synthetic scenes, annotated photos, pasted cut-outs, and
anything in clips and photos, of which a teacher alone knows where it is."""


@dataclass(frozen=True, kw_only=True)
class SamplingConfig:
    """How often each kind of pair is sampled."""

    weights: Mapping[str, float] = field(
        default_factory=lambda: {"videos": 0.4, "synthetic": 0.1, "photos": 0.15, "cutouts": 0.35}
    )
    """Relative frequencies of the origins of pairs; those without data are left out."""
    crowd_share: float = 0.3
    """The share of the pairs from videos that comes from videos of several objects."""
    negative_share: float = 0.2
    """The share of pairs that show two different objects."""
    hard_share: float = 0.5
    """The share of the negative pairs whose objects are of one video or one category."""
    hidden_share: float = 0.0
    """The share of the pairs from videos and synthetic scenes whose object is to be hidden in the
    search image by another one; where it never is, another pair is sampled, so that there are fewer
    of them."""
    cover_share: float = 0.0
    """The share of the positive pairs whose object is covered with something else."""
    background_share: float = 0.0
    """The share of the pairs whose exemplar holds no object (SiamMOT's negative triplets): a place
    without any, in videos of several objects or synthetic scenes, and the same place in another
    frame; where there is none, another pair is sampled."""
    max_gap: int = 100
    """The most frames between the two frames of a pair from a video."""
    texture_share: float = 0.25
    """The share of positive pairs of cut-outs that take their colours from a photo."""
    photometric: bool = True
    """Whether brightness, colours, blur and compression are augmented."""
    masks: bool = False
    """Whether the objects' masks in the search images are sampled, too."""

    def __post_init__(self) -> None:
        for name in self.weights:
            if name not in ORIGINS:
                raise unknown_name("origin of pairs", name, ORIGINS)


def require_labels(config: SamplingConfig) -> None:
    """Raise ``UsageError`` where unlabelled pairs are sampled, for a stage without a teacher."""
    if config.weights.get("unlabelled", 0) > 0:
        raise UsageError(
            "setting 'sampling.weights' has 'unlabelled', of which only the stage light learns"
        )
