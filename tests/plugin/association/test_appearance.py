"""What a similarity says about identity, and the looks that are kept of each target."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvot_plugin.association.appearance import AppearanceConfig, Gallery, SimilarityModel
from mvot_plugin.embedders.base import normalize_rows
from mvot_plugin.errors import InputError, UsageError

INTERVAL = 0.5
NOBODY = np.zeros(0, np.int64)


def random_looks(rng, count, length=6):
    return normalize_rows(rng.normal(size=(count, length)))


def log_gaussian(x, mean, variance):
    return -((x - mean) ** 2) / (2 * variance) - math.log(math.sqrt(2 * math.pi * variance))


def compare_all(gallery, ids, looks):
    return gallery.compare(ids, looks, np.ones((len(ids), len(looks)), np.bool_))


def ratio_of(model, *cosines):
    return model.log_ratio(np.array([cosines], np.float32))[0]


def test_the_evidence_is_the_ratio_of_two_gaussians():
    model = SimilarityModel(config=AppearanceConfig(limit=100.0))
    cosines = [-0.2, 0.1, 0.4, 0.55, 0.7]
    expected = [log_gaussian(x, 0.75, 0.12**2) - log_gaussian(x, 0.4, 0.15**2) for x in cosines]
    assert ratio_of(model, *cosines) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_more_similar_than_usual_is_as_good_as_usual():
    model = SimilarityModel(config=AppearanceConfig())
    usual = ratio_of(model, model.same.mean)[0]
    assert ratio_of(model, 0.8, 0.95, 1.0) == pytest.approx([usual] * 3)


def test_evidence_is_limited_and_an_unknown_similarity_says_nothing():
    model = SimilarityModel(config=AppearanceConfig(limit=2.0))
    assert ratio_of(model, -1.0, np.nan, 1.0).tolist() == [-2, 0, 2]
    assert model.log_ratio(np.zeros((0, 3), np.float32)).shape == (0, 3)


def test_the_evidence_has_its_weight():
    plain, heavy = (
        SimilarityModel(config=AppearanceConfig(weight=weight)) for weight in (1.0, 2.5)
    )
    cosines = [-0.2, 0.3, 0.5, np.nan, 0.7]
    assert ratio_of(heavy, *cosines) == pytest.approx(2.5 * ratio_of(plain, *cosines))
    assert ratio_of(plain, *cosines).any()


@pytest.mark.parametrize("same", [0.2, 0.4])
def test_embeddings_that_do_not_tell_objects_apart_say_nothing(same):
    model = SimilarityModel(config=AppearanceConfig())
    model.same.mean = same
    assert ratio_of(model, -0.5, 0.3, 0.9).tolist() == [0, 0, 0]


def test_each_detection_is_compared_with_the_next_that_has_a_look():
    model, axes = SimilarityModel(config=AppearanceConfig()), np.eye(3, dtype=np.float32)
    model.learn_others(np.stack([axes[0], axes[0], axes[1], 0 * axes[0], axes[1], axes[0]]))
    assert model.other.mean == pytest.approx((20 * 0.4 + 1 + 0 + 1 + 0) / 24)


def test_the_model_learns_the_statistics_of_the_video():
    rng, model = np.random.default_rng(0), SimilarityModel(config=AppearanceConfig())
    for _ in range(400):
        model.learn_same(rng.normal(0.95, 0.02, 8).astype(np.float32))
        looks = np.ones((5, 64)) + rng.normal(0, 0.4, (5, 64))
        model.learn_others(normalize_rows(looks))
    assert model.same.mean == pytest.approx(0.95, abs=0.01)
    assert math.sqrt(model.same.variance) == pytest.approx(0.02, abs=0.005)
    assert model.other.mean == pytest.approx(1 / 1.16, abs=0.02)
    assert ratio_of(model, 0.8)[0] == -model.config.limit


def test_one_update_equals_the_pooled_mean_and_variance():
    model = SimilarityModel(config=AppearanceConfig())
    values = np.array([0.2, 0.9, 0.6], np.float32)
    old, share = model.same, 3 / 23
    second = (1 - share) * (old.variance + old.mean**2) + share * np.mean(values**2)
    mean = (1 - share) * old.mean + share * values.mean()
    model.learn_same(values)
    assert model.same.mean == pytest.approx(mean, rel=1e-6)
    assert model.same.variance == pytest.approx(second - mean**2, rel=1e-5)


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_nothing_is_learnt_from_nothing(values):
    model = SimilarityModel(config=AppearanceConfig())
    before = ratio_of(model, 0.3, 0.6).tolist()
    model.learn_same(np.array(values, np.float32))
    model.learn_others(np.zeros((0, 0), np.float32))
    model.learn_others(np.ones((1, 4), np.float32))
    assert ratio_of(model, 0.3, 0.6).tolist() == before


def test_a_crowd_does_not_outweigh_the_past():
    model = SimilarityModel(config=AppearanceConfig())
    model.learn_others(np.tile(np.eye(4, dtype=np.float32)[:1], (60, 1)))
    assert model.other.mean == pytest.approx(0.4 + (1 - 0.4) / 2)


def test_equal_cosines_leave_a_variance():
    model = SimilarityModel(config=AppearanceConfig())
    for _ in range(300):
        model.learn_same(np.full(20, 0.9, np.float32))
    assert model.same.variance >= 1e-4
    assert np.isfinite(ratio_of(model, -1.0, 0.5, 1.0)).all()


def keep_look(kept, one, look, time):
    """Keep a look in the target's list: the time of the latest that was due, then all looks."""
    known = kept.setdefault(one, [-np.inf])
    is_due = time - known[0] >= INTERVAL
    if is_due:
        known[0] = time
    elif len(known) > 2:
        known.pop()
    known.append(look)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_the_gallery_compares_as_a_loop_over_all_looks(seed, most):
    rng, kept, time = np.random.default_rng(seed), {}, 0.0
    gallery = Gallery(most, INTERVAL)
    for _ in range(rng.integers(0, 12)):
        ids = rng.permutation(5)[: rng.integers(0, 5)] + 1
        looks = random_looks(rng, len(ids))
        looks[rng.random(len(ids)) < 0.2] = 0
        time += rng.choice([0.0, 0.25, 0.5, 1.25])
        gallery.add(ids, looks, time)
        for one, look in zip(ids.tolist(), looks, strict=True):
            if look.any():
                keep_look(kept, one, look, time)
        if rng.random() < 0.3:
            survivors = rng.permutation(5)[:3] + 1
            gallery.retain(survivors)
            kept = {one: known for one, known in kept.items() if one in survivors}
    found = random_looks(rng, 3)
    found[rng.random(3) < 0.2] = 0
    expected = np.full((6, 3), np.nan)
    wanted = rng.random((6, 3)) < 0.7
    for one, known in kept.items():
        for column, look in enumerate(found):
            if look.any() and wanted[one, column]:
                cosines = sorted((float(look @ other) for other in known[1:][-most:]), reverse=True)
                expected[one, column] = np.mean(cosines[:2])
    similarity = gallery.compare(np.arange(6), found, wanted)
    assert similarity.dtype == np.float32
    np.testing.assert_allclose(similarity, expected, atol=1e-5)


def test_only_the_latest_looks_are_kept():
    gallery, axes = Gallery(2, 0.5), np.eye(3, dtype=np.float32)
    for time, axis in enumerate(axes):
        gallery.add(np.array([1]), axis[None], float(time))
    assert compare_all(gallery, np.array([1]), axes)[0].tolist() == [0, 0.5, 0.5]


def test_a_look_is_kept_each_interval_and_until_then_the_latest_replaces_the_one_before():
    gallery, axes = Gallery(8, 0.5), np.eye(6, dtype=np.float32)
    for time, axis in zip((0.0, 0.2, 0.4, 0.5, 0.9, 1.0), axes, strict=True):
        gallery.add(np.array([1]), axis[None], time)
    assert compare_all(gallery, np.array([1]), axes)[0].tolist() == [0.5, 0, 0.5, 0, 0.5, 0.5]


def test_only_wanted_pairs_are_compared():
    rng, gallery = np.random.default_rng(2), Gallery(2, 0.5)
    ids, looks = np.arange(3), random_looks(rng, 4)
    gallery.add(ids, looks[:3], 0.0)
    wanted = np.array([[1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]], np.bool_)
    similarity = gallery.compare(ids, looks, wanted)
    assert np.array_equal(np.isfinite(similarity), wanted)
    expected = compare_all(gallery, ids, looks)
    np.testing.assert_allclose(similarity[wanted], expected[wanted], atol=1e-6)


def test_forgotten_targets_free_their_place_and_leave_no_look_behind():
    gallery, axes = Gallery(3, 0.5), np.eye(4, dtype=np.float32)
    for first in range(1, 400, 4):
        ids = np.arange(first, first + 4)
        gallery.add(ids, axes, 0.0)
        assert np.array_equal(compare_all(gallery, ids, axes), axes)
        gallery.retain(ids[2:])
        assert np.isnan(compare_all(gallery, ids[:2], axes)).all()
        assert np.array_equal(compare_all(gallery, ids[2:], axes), axes[2:])
    gallery.retain(NOBODY)
    assert np.isnan(compare_all(gallery, np.arange(401), axes)).all()
    assert len(gallery._bank) == 16


def test_the_gallery_grows_with_the_targets():
    rng, gallery = np.random.default_rng(1), Gallery(2, 0.5)
    ids, looks = np.arange(50), random_looks(rng, 50)
    for one in range(50):
        gallery.add(ids[one : one + 1], looks[one : one + 1], 0.0)
    np.testing.assert_allclose(compare_all(gallery, ids, looks), looks @ looks.T, atol=1e-6)


def test_no_targets_and_no_detections_are_legal():
    gallery, looks = Gallery(2, 0.5), np.eye(2, dtype=np.float32)
    assert compare_all(gallery, NOBODY, looks).shape == (0, 2)
    gallery.add(NOBODY, np.zeros((0, 0), np.float32), 0.0)
    gallery.add(np.array([1]), looks[:1], 0.0)
    assert compare_all(gallery, np.array([1]), np.zeros((0, 0), np.float32)).shape == (1, 0)
    gallery.retain(NOBODY)
    gallery.retain(NOBODY)


def test_embeddings_that_change_their_length_are_an_error():
    gallery = Gallery(2, 0.5)
    gallery.add(np.array([1]), np.eye(4, dtype=np.float32)[:1], 0.0)
    with pytest.raises(InputError, match="embeddings of 6 numbers after ones of 4"):
        compare_all(gallery, np.array([1]), np.eye(6, dtype=np.float32))


def test_embeddings_that_change_their_length_while_nobody_is_known_are_an_error():
    gallery = Gallery(2, 0.5)
    gallery.add(np.array([1]), np.eye(4, dtype=np.float32)[:1], 0.0)
    gallery.retain(NOBODY)
    with pytest.raises(InputError, match="embeddings of 6 numbers after ones of 4"):
        gallery.add(np.array([2]), np.eye(6, dtype=np.float32)[:1], 0.0)


def test_nothing_is_learnt_from_embeddings_of_zeros():
    model = SimilarityModel(config=AppearanceConfig())
    model.learn_others(np.zeros((5, 4), np.float32))
    assert model.other.mean == 0.4


def test_a_lower_similarity_never_speaks_more_for_the_same():
    model = SimilarityModel(config=AppearanceConfig())
    model.same.mean, model.same.variance = 0.9, 0.04
    model.other.mean, model.other.variance = 0.5, 0.01
    assert (np.diff(ratio_of(model, *np.linspace(-1, 1, 41))) >= 0).all()


def test_a_gallery_needs_a_look():
    with pytest.raises(UsageError, match="looks must be 1 or more, got 0"):
        AppearanceConfig(looks=0)
