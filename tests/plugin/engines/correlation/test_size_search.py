"""Sizes from similarities."""

import numpy as np
import pytest

from mvot_plugin.engines.correlation.size_search import SizeSearch

PLAIN = SizeSearch(sizes=(0.8, 0.9, 1.0, 1.1, 1.25), bias=(0.0, 0.0), damping=1.0)


def growth(search, similarity, grown=0.0):
    return search.estimate_growth(similarity, np.full(len(similarity), grown, np.float32))


def similarity(size, sharpness=PLAIN.sharpness):
    """Similarities whose log odds are a normal distribution's about a size."""
    off = (np.log(PLAIN.sizes) - np.log(size)) / 0.04
    return (0.8 - off**2 / 2 / sharpness).astype(np.float32)[None, :, None, None]


@pytest.mark.parametrize("size", [0.9, 1.0, 1.1])
def test_the_size_that_is_most_similar_is_the_targets(size):
    assert growth(PLAIN, similarity(size))[0] == pytest.approx(size, abs=0.01)


def test_sizes_between_those_of_the_windows_are_estimated():
    near, far = growth(PLAIN, np.concatenate([similarity(1.03), similarity(1.06)]))
    assert 1.0 < near < 1.05 < far < 1.1


def test_equal_similarities_change_no_size():
    steady = SizeSearch(sizes=(1 / 1.1, 1.0, 1.1), bias=(0.0, 0.0))
    assert growth(steady, np.full((2, 3, 3, 3), 0.4, np.float32)) == pytest.approx(1.0)


def test_a_change_is_damped():
    damped = SizeSearch(sizes=PLAIN.sizes, damping=0.5, bias=(0.0, 0.0))
    assert growth(damped, similarity(1.1))[0] == pytest.approx(1.1**0.5, abs=0.01)


@pytest.mark.parametrize(
    ("grown", "correction"), [(-2.0, 0.01), (0.0, 0.01), (0.2, 0.03), (0.3, 0.04), (5.0, 0.04)]
)
def test_the_bias_grows_with_the_growth_within_its_limits(grown, correction):
    """Where windows are uninformative, sizes must not run away."""
    search = SizeSearch(sizes=PLAIN.sizes, damping=1.0, bias=(0.01, 0.04), pull=0.1)
    ratio = growth(search, similarity(1.0), grown) / growth(PLAIN, similarity(1.0))
    assert ratio == pytest.approx(np.exp(correction), abs=1e-4)


def test_no_targets_are_legal():
    assert growth(PLAIN, np.zeros((0, 5, 3, 3), np.float32)).shape == (0,)


def test_a_target_may_be_a_cell_off():
    off_centre = np.full((1, 5, 3, 3), 0.1, np.float32)
    off_centre[:, :, 0, 2] = similarity(1.1)[:, :, 0, 0]
    assert growth(PLAIN, off_centre)[0] == pytest.approx(1.1, abs=0.01)
