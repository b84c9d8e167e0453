"""What the networks of SiamMOT, IMSiam and SiamAttn have in common: levels, batches, precision."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from helpers.reference_siammotion import normalize
from helpers.references.layers import convolve, place, weights
from helpers.references.networks import (
    NETWORKS,
    PAPERS,
    PRESETS,
    choose_config,
    random_case,
    random_crops,
    random_network,
    random_sizes,
)
from helpers.small_siammotion import random_image
from mvot_plugin.models.siamese.network import SiameseFunctions

NAMES = sorted(NETWORKS)
TOLERANCE = {"atol": 1e-4, "rtol": 1e-4}


@pytest.fixture(scope="module", params=NAMES)
def case(request):
    return random_case(request.param, "preset", count=4)


def paper_network(name):
    """A network of the paper's own shape, without values."""
    with torch.device("meta"):
        return NETWORKS[name](PAPERS[name])


def shapes_of(network, prefix):
    return [
        tuple(value.shape)
        for name, value in network.state_dict().items()
        if name.startswith(prefix) and name.endswith(".weight") and value.dim() > 1
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", ["preset", "paper"])
def test_features_are_the_levels_after_a_convolution_each(name, shape):
    """Their sum in SiamMOT, one after the other in IMSiam and SiamAttn, of an image in BGR."""
    network, image = random_network(name, choose_config(name, shape)), random_image(2, 96, 64)
    found = SiameseFunctions(network).features(torch.from_numpy(image[None]))[0]
    early = network.backbone.early(normalize(image))
    late, w = network.backbone.late(early), weights(network)
    assert len(late) == network.levels == (1 if shape == "preset" else 3)
    levels = [convolve(w, f"reduce.{i}", level[0].double().numpy()) for i, level in enumerate(late)]
    expected = sum(levels) if "siammot" in name else np.concatenate(levels)
    if name == "siamattn":
        fine = convolve(w, "early", early[0].double().numpy())
        parts = [fine[d, i::2, j::2] for d in range(len(fine)) for i in (0, 1) for j in (0, 1)]
        expected = np.concatenate([expected, np.stack(parts)])
    expected = torch.from_numpy(expected).float().permute(1, 2, 0)
    assert found.shape[:2] == (8, 12)
    assert_close(found, expected, atol=1e-3 * float(expected.std()), rtol=1e-3)


def test_the_levels_of_a_crop_are_the_channels_in_order():
    network = random_case("imsiam", "paper", count=1).network
    crops = random_crops(network, 2, 0)
    levels = network.split(crops)
    assert len(levels) == 3
    for i, level in enumerate(levels):
        assert torch.equal(level, crops[..., 16 * i : 16 * i + 16].permute(0, 3, 1, 2))


def test_the_answers_of_a_target_do_not_depend_on_others(case):
    network = case.network
    together = SiameseFunctions(network).compare(*case.templates, case.now, case.sizes)
    for rows in (slice(2, 3), slice(1, 4)):
        templates = network.enroll(case.before[rows], case.sizes[rows])
        alone = SiameseFunctions(network).compare(*templates, case.now[rows], case.sizes[rows])
        for one, all_ in zip(alone, together, strict=True):
            assert_close(one, all_[rows], atol=1e-3, rtol=1e-4)
    assert together[0].std() > 1


def test_no_targets_are_legal(case):
    functions = SiameseFunctions(case.network)
    templates = functions.enroll(case.before[:0], case.sizes[:0])
    assert [part.shape for part in templates] == [(0, *part.shape[1:]) for part in case.templates]
    found = functions.compare(*templates, case.now[:0], case.sizes[:0])
    expected = functions.compare(*case.templates, case.now, case.sizes)
    assert [part.shape for part in found] == [(0, *part.shape[1:]) for part in expected]
    assert expected[0].shape == (4, 4)
    assert expected[1].shape == (4,)


@pytest.mark.parametrize("shape", ["preset", "paper"])
@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_gives_finite_boxes_that_are_nearly_the_same(name, shape):
    """Log odds within 0.05 of those of single precision, boxes within 2 canonical pixels."""
    network = random_network(name, choose_config(name, shape))
    half = deepcopy(network).to(torch.bfloat16)
    before, now, sizes = (
        random_crops(network, 2, 1),
        random_crops(network, 2, 2),
        random_sizes(network, 2),
    )
    exact = SiameseFunctions(network).compare(*network.enroll(before, sizes), now, sizes)
    templates = half.enroll(before.bfloat16(), sizes)
    assert {part.dtype for part in templates} <= {torch.bfloat16, torch.float32}
    rough = SiameseFunctions(half).compare(*templates, now.bfloat16(), sizes)
    for ours, theirs in zip(rough, exact, strict=True):
        assert ours.isfinite().all()
        assert ours.shape == theirs.shape
    assert rough[0].dtype == rough[1].dtype == torch.float32
    assert (rough[0] - exact[0]).abs().max() < 2
    assert (rough[1] - exact[1]).abs().max() < 0.05
    assert (rough[0][:, 2:] > 0).all()
    image = torch.from_numpy(random_image(2, 64, 64)[None])
    features = SiameseFunctions(half).features(image)
    assert features.dtype == torch.bfloat16
    assert features.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_the_paper_s_networks_compare_three_levels_of_256_channels(name):
    network = paper_network(name)
    assert shapes_of(network, "reduce") == [(256, part, 1, 1) for part in (512, 1024, 2048)]
    assert PRESETS[name].backbone == "light"
    assert PAPERS[name].backbone == "resnet50"


def test_the_paper_s_motion_models_have_its_layers():
    """SiamMOT, 4.2."""
    emm, imm = paper_network("siammot-emm"), paper_network("siammot-imm")
    for branch, outputs in (("visibility", 1), ("location", 4)):
        layers = shapes_of(emm, branch)
        assert layers == [(256, 256, 3, 3)] * 2 + [(outputs, 256, 3, 3)]
    assert (PAPERS["siammot-emm"].exemplar_bins, PAPERS["siammot-emm"].search_bins) == (15, 30)
    assert PAPERS["siammot-emm"].region == 2
    assert emm.window.shape == (16, 16)
    assert shapes_of(imm, "hidden") == [(512, 2 * 256 * 15 * 15)]
    assert shapes_of(imm, "predict") == [(5, 512)]


def test_the_paper_s_imsiam_has_its_layers():
    """IMSiam, 3.2, 3.3 and 4.2.2: each level its own."""
    network = paper_network("imsiam")
    assert len(network.necks) == len(network.heads) == 3
    neck = [(256, 256, 3, 3)] * 3 + [(256, 768, 1, 1)] * 2
    head = [(256, 256, 3, 3)] * 6 + [(outputs, 256, 3, 3) for outputs in (2, 1, 4, 1)]
    for level in range(3):
        assert shapes_of(network, f"necks.{level}") == neck
        assert shapes_of(network, f"heads.{level}") == head
    config = PAPERS["imsiam"]
    assert (config.exemplar_bins, config.search_bins, config.kept) == (15, 31, 7)


def test_the_paper_s_siamattn_has_its_layers():
    """SiamAttn, 3.2, 3.3 and 4.2."""
    network = paper_network("siamattn")
    assert len(network.attention) == len(network.proposals) == 3
    assert network.attention[0].query.weight.shape == (32, 256, 1, 1)
    assert network.attention[0].value.weight.shape == (256, 256, 1, 1)
    assert network.anchors.shape == (5, 25, 25, 4)
    box = shapes_of(network, "refinement.box")
    assert box == [(512, 256 * 4 * 4), (512, 512), (4, 512)]
    assert shapes_of(network, "refinement.layers") == [(256, 256, 3, 3)] * 4
    assert shapes_of(network, "refinement.enlarge") == [(256, 128, 4, 4)]
    assert network.weights.shape == (2, 3)


@pytest.mark.parametrize("name", NAMES)
def test_search_areas_have_the_target_in_their_middle(name):
    """Of 2 sides in SiamMOT; squares of bins of an exemplar area with context in the others."""
    config, box = PAPERS[name], np.array([[20, 30, 60, 120]], np.float32)
    (area,) = config.search_areas(box)
    assert [(area[0] + area[2]) / 2, (area[1] + area[3]) / 2] == [40, 75]
    width, height = area[2] - area[0], area[3] - area[1]
    if "siammot" in name:
        assert (width, height) == (80, 180)
    else:
        exemplar = np.sqrt((40 + 65) * (90 + 65))
        assert (width, height) == pytest.approx([exemplar * 31 / 15] * 2, rel=1e-5)
    assert config.canonical_side == 8 * config.search_bins
    edge = place(config.search_bins - 1, config.search_bins) + 4
    assert edge == config.canonical_side / 2
