"""IMSiam's matching-adaptive neck (3.2) against its reference, level by level."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from helpers.references import imsiam as slow
from helpers.references.networks import SHAPES, channels_first, random_case, record_inputs

TOLERANCE = {"atol": 1e-4, "rtol": 1e-4}
COUNT = 2


@pytest.fixture(scope="module", params=SHAPES)
def case(request):
    return random_case("imsiam", request.param, count=COUNT)


def levels_of(case, crops, n):
    """The map of each level of a target's crop; a reference is given one at a time."""
    return np.split(channels_first(crops[n]), case.network.levels)


def as_float(x):
    return torch.from_numpy(np.asarray(x)).float()


def enrolled(case, n, level):
    """The reference's v and template of a target."""
    exemplar = slow.middle(levels_of(case, case.before, n)[level], case.config.exemplar_bins)
    v = slow.embed_target(case.w, level, exemplar, case.sizes[n].tolist())
    return v, slow.embed_template(case.w, level, exemplar, case.config.kept)


def fused_maps(case, level):
    """F of all targets: what both functions of Eq. 4 get."""
    classify, answer = case.network.necks[level].classify, case.network.answer
    return record_inputs(classify, answer, case.templates, case.now)[0]


def test_the_vectors_and_the_templates_are_those_of_the_reference(case):
    width, kept = case.config.width, case.config.kept
    vectors, kernels = case.templates
    assert kernels.shape == (COUNT, kept, kept, width * case.network.levels)
    for n, level in np.ndindex(COUNT, case.network.levels):
        v, template = enrolled(case, n, level)
        part = slice(level * width, (level + 1) * width)
        assert_close(vectors[n, part], as_float(v), **TOLERANCE)
        assert_close(kernels[n, ..., part].permute(2, 0, 1), as_float(template), **TOLERANCE)
    assert vectors.std() > 0.1


def test_a_vector_is_of_the_target_only():
    """What is not between the cells about its box, nor a cell from them, has no effect."""
    case = random_case("imsiam", "preset", count=1)
    sizes = torch.tensor([[10.0, 18.0]])
    vectors, _ = case.network.enroll(case.before, sizes)
    changed, middle = case.before.clone(), case.config.search_bins // 2
    changed[:, : middle - 3] = changed[:, middle + 4 :] = 9.0
    changed[:, :, : middle - 2] = changed[:, :, middle + 3 :] = 9.0
    assert_close(case.network.enroll(changed, sizes)[0], vectors)
    changed[:, middle, middle + 2] = 9.0
    assert (case.network.enroll(changed, sizes)[0] - vectors).abs().max() > 0.01


def test_the_three_maps_are_those_of_the_reference(case):
    width = case.config.width
    for level in range(case.network.levels):
        fused = fused_maps(case, level)
        for n in range(COUNT):
            search = levels_of(case, case.now, n)[level]
            expected = as_float(slow.fuse(case.w, level, *enrolled(case, n, level), search))
            for part in range(3):
                channels = slice(part * width, (part + 1) * width)
                assert_close(fused[n, channels], expected[channels], atol=1e-5, rtol=1e-4)
        assert all(part.std() > 0.01 for part in fused.split(width, 1))


def test_the_matching_features_are_those_of_the_reference(case):
    for level, head in enumerate(case.network.heads):
        found = record_inputs(head, case.network.answer, case.templates, case.now)
        fused = fused_maps(case, level)
        for n in range(COUNT):
            expected = slow.matching_features(case.w, level, fused[n].double().numpy())
            for part, map_ in zip(found, expected, strict=True):
                assert_close(part[n], as_float(map_), **TOLERANCE)
        assert (found[0] - found[1]).abs().max() > 0.1


def test_the_difference_is_0_where_the_search_area_is_like_the_target():
    """Of an area that is the same everywhere, but for what its borders see."""
    case = random_case("imsiam", "preset", count=1)
    flat = torch.randn(32, generator=torch.Generator().manual_seed(4)).expand(1, 17, 17, 32)
    templates = case.network.enroll(flat, torch.tensor([[16.0, 24.0]]))
    classify = case.network.necks[0].classify
    difference = record_inputs(classify, case.network.answer, templates, flat)[0][0, :32]
    assert difference[:, 1:-1, 1:-1].max() < 1e-5
    assert difference[:, 0].max() > 0.01


def test_the_correlation_keeps_the_place_of_the_target():
    """A template in the middle of an area of zeros responds the most there, and as in Fig. 4."""
    neck = random_case("imsiam", "preset", count=1).network.necks[0]
    kernels = torch.rand(1, 5, 5, 32, generator=torch.Generator().manual_seed(0)) + 0.1
    for row, column in ((8, 8), (3, 12), (0, 0), (16, 2)):
        padded = torch.zeros(1, 32, 21, 21)
        padded[:, :, row : row + 5, column : column + 5] = kernels.permute(0, 3, 1, 2)
        neck.search = torch.nn.Identity()
        vectors, area = torch.zeros(1, 32), padded[:, :, 2:-2, 2:-2]
        correlation = record_inputs(neck.classify, neck, vectors, kernels, area)[0][0, 64:].sum(0)
        assert correlation.shape == (17, 17)
        assert divmod(int(correlation.argmax()), 17) == (row, column)
