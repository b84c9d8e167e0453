import numpy as np
import pytest

from helpers.plugin.nanotrack_graphs import GATED, published_networks, small_published


@pytest.fixture(params=["small", "published"])
def networks(request):
    """Networks of NanoTrack's structure: small random ones, and the published ones if here."""
    return small_published() if request.param == "small" else published_networks()


@pytest.fixture
def gates(networks):
    """Constants for the gates of ``networks``."""
    is_small = networks is small_published()
    counts = GATED if is_small else (16, 96, 240, 240, 120, 144)
    random = np.random.default_rng(3)
    return [random.uniform(0.2, 0.9, count).astype(np.float32) for count in counts]


@pytest.fixture
def people(scene, frames):
    """Three frames of people crossing a street, and the boxes of those in the first."""
    return frames[30:33], scene.ground_truth(30).xyxy
