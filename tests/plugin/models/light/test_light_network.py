"""The light network's boxes, its switches, and the functions that an engine runs of it."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from helpers.small_light import random_light_network
from mvot_plugin.engines.siammotion import Penalisation
from mvot_plugin.models.heads import Proposals
from mvot_plugin.models.light.functions import LightFunctions
from mvot_plugin.models.light.head import Answers
from mvot_plugin.models.penalisation import select_boxes
from mvot_plugin.ops.tensors.normalization import normalize_images

LAST = torch.tensor([[40.0, 70.0], [64.0, 60.0]])
MASKS = torch.linspace(0.5, 1, 512).view(2, 16, 16)
SETTINGS = torch.from_numpy(Penalisation().as_array())


def random_images(count=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, 256, (count, 16, 16, 3), generator=generator)
    return coarse.repeat_interleave(8, 1).repeat_interleave(8, 2).to(torch.uint8)


def compare(network, seed=1):
    """The answers for two targets, and what the functions find, of the same images."""
    functions = LightFunctions(network)
    crops = functions.features(random_images())[:, 4:12, 4:12]
    areas = functions.features(random_images(seed=seed))
    own, value, mask = (*functions.enroll(crops), None, None)[:3]
    found = functions.compare(own, value, mask, areas, LAST, MASKS, SETTINGS)
    return network.answer(network.enroll(crops), areas), found


@pytest.mark.parametrize("rpn", [True, False])
def test_boxes_are_cell_by_cell_what_the_head_says(rpn):
    """A distance is from the cell to an edge; without regression the last size is kept."""
    network = random_light_network(rpn=rpn)
    generator = torch.Generator().manual_seed(3)
    distances = 50 * torch.rand(2, 4, 16, 16, generator=generator) + 1
    answers = Answers(logits=distances[:, 0], distances=distances, visibility=LAST[:, 0])
    edges = network.locate(answers, LAST).view(2, 4, 16, 16)
    for n, row, column in np.ndindex(2, 16, 16):
        x, y = (16 * (place - 8) + 1.0 for place in (column, row))
        left, top, right, bottom = distances[n, :, row, column].tolist()
        if not rpn:
            left = right = float(LAST[n, 0]) / 2
            top = bottom = float(LAST[n, 1]) / 2
        found = edges[n, :, row, column].tolist()
        assert found == pytest.approx([x - left, y - top, x + right, y + bottom], abs=1e-3)


@pytest.mark.parametrize("off", ["", "attention", "rpn", "visibility", "pyramid"])
def test_the_functions_find_what_the_networks_answers_say(off):
    """By the plain selection of proposals, which is slower; the score knows what is hidden."""
    network = random_light_network(**({off: False} if off else {}))
    answers, (boxes, scores, shapes) = compare(network)
    edges = network.locate(answers, LAST)
    low, high = edges[:, :2], edges[:, 2:]
    planes = torch.cat([(low + high) / 2, high - low], dim=1).transpose(1, 2)
    proposals = Proposals(
        logits=answers.logits[:, None], boxes=planes.reshape(2, 1, 16, 16, 4).contiguous()
    )
    expected, probabilities, penalties = select_boxes(proposals, LAST, MASKS, SETTINGS)
    assert_close(boxes, expected, atol=1e-2, rtol=1e-4)
    assert_close(shapes, penalties, atol=1e-4, rtol=1e-4)
    seen = torch.ones(2) if off == "visibility" else answers.visibility.sigmoid()
    assert_close(scores, probabilities * seen)
    assert float((boxes[:, 2:] - LAST).abs().max()) > 1 or off == "rpn"


@pytest.mark.parametrize("off", ["attention", "inertia"])
def test_a_part_that_is_left_out_has_no_weights(off):
    full, without = random_light_network(), random_light_network(**{off: False})
    assert any(name.startswith(f"{off}.") for name in full.state_dict())
    assert not any(name.startswith(f"{off}.") for name in without.state_dict())


@pytest.mark.parametrize("off", ["attention", "pyramid", "rpn"])
def test_a_part_changes_what_is_found(off):
    network = random_light_network()
    before = compare(network)[1][0]
    network.switch_off([off])
    answers, (boxes, scores, _) = compare(network)
    assert float((boxes - before).abs().max()) > 0.1
    assert not getattr(LightFunctions(network).config, off)
    assert answers.logits.isfinite().all()
    assert ((scores > 0) & (scores < 1)).all()


def test_a_target_out_of_sight_has_a_low_score():
    """Wherever the best cell is; the box stays what it is."""
    network = random_light_network()
    _, (boxes, scores, _) = compare(network)
    network.head.see[-1].bias.sub_(9.0)
    _, (same, hidden, _) = compare(network)
    assert torch.equal(boxes, same)
    assert (hidden < 0.01 * scores).all()


def test_images_are_normalised():
    network, images = random_light_network(), random_images()
    found = LightFunctions(network).features(images)
    assert_close(found, network.features(normalize_images(images)))
    assert found.shape == (2, 16, 16, 16)
    assert not torch.allclose(found, LightFunctions(network).features(images.flip(3)), atol=1e-2)


def test_inertia_is_the_networks():
    network = random_light_network()
    history = torch.rand(3, 6, 4, generator=torch.Generator().manual_seed(0)) * 50 + 20
    assert_close(LightFunctions(network).predict(history), network.inertia(history))


@pytest.mark.parametrize("off", [(), ("attention",), ("inertia",)])
def test_functions_have_the_shapes_that_their_signatures_say(off):
    functions = LightFunctions(random_light_network(**dict.fromkeys(off, False)))
    names = {"features", "enroll", "compare", "predict"}
    signatures = functions.signatures()
    assert set(signatures) == names - ({"predict"} if "inertia" in off else set())
    for name, signature in signatures.items():
        arguments = []
        for shape in signature.inputs.values():
            sides = shape and [signature.sizes.get(side, side) for side in shape]
            is_image = name == "features"
            made = None if sides is None else torch.rand(sides)
            arguments.append((255 * made).to(torch.uint8) if is_image else made)
        found = getattr(functions, name)(*arguments)
        parts = found if isinstance(found, tuple) else (found,)
        known = {**signature.sizes, "rows": 26, "columns": 34}
        for part, shape in zip(parts, signature.outputs.values(), strict=True):
            assert list(part.shape) == [known.get(side, side) for side in shape]
