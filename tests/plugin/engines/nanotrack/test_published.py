"""The graphs made of the published networks, against those run as they are."""

import numpy as np
import pytest
from onnx import ModelProto

from mvot_plugin.engines.nanotrack.published import (
    build_compare,
    build_enroll,
    build_features,
    expose_gates,
)
from mvot_plugin.errors import InputError
from mvot_plugin.runtimes.graph import Graph

FIELD = 10
"""Cells from a cell to the furthest that it can see."""


def load(model):
    return Graph(model.SerializeToString(), threads=1)


def copy(model):
    copied = ModelProto()
    copied.CopyFrom(model)
    return copied


def random_images(count, height, width, seed=0):
    """Images with texture at two scales."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 128, (count, -(-height // 16), -(-width // 16), 3))
    fine = random.integers(0, 128, (count, height, width, 3))
    large = coarse.repeat(16, axis=1).repeat(16, axis=2)[:, :height, :width]
    return (large + fine).astype(np.uint8)


def to_input(image):
    return image.transpose(2, 0, 1)[None].astype(np.float32)


@pytest.fixture
def pairs(networks):
    """Features of five exemplars and five search areas, (5, C, cells, cells)."""
    backbone = load(networks.backbone)
    search = np.concatenate([backbone(to_input(x))[0] for x in random_images(5, 255, 255)])
    return search[:, :, 4:12, 4:12], search[::-1]


def test_an_image_whose_gates_are_the_constants_has_the_published_features(networks):
    image = random_images(1, 255, 255)[0]
    gates = [gate.ravel() for gate in load(expose_gates(networks.backbone))(to_input(image))]
    assert all((gate.std() > 0.01) and (gate >= 0).all() and (gate <= 1).all() for gate in gates)
    (expected,) = load(networks.backbone)(to_input(image))
    (found,) = load(build_features(networks.backbone, gates))(image[None])
    assert expected.std() > 0.1
    assert np.allclose(found[0], expected[0].transpose(1, 2, 0), atol=1e-3)


def test_features_do_not_depend_on_what_is_far_away(networks, gates):
    """With constant gates; and each image of a batch has those it has alone."""
    features = load(build_features(networks.backbone, gates))
    images = random_images(2, 288, 320)
    images[1, 32:, 32:] = images[0, 32:, 32:]
    first, second = features(images)[0]
    scale = np.abs(first).max()
    assert np.allclose(first[2 + FIELD :, 2 + FIELD :], second[2 + FIELD :, 2 + FIELD :], atol=1e-3)
    assert np.abs(first[:2] - second[:2]).max() > 0.1 * scale
    assert np.allclose(features(images[:1])[0][0], first, atol=1e-5 * scale)


def test_features_move_with_the_image(networks, gates):
    features = load(build_features(networks.backbone, gates))
    image = random_images(1, 448, 400)
    whole, moved = features(image)[0][0], features(image[:, 32:, 16:])[0][0]
    inner = slice(FIELD, -FIELD)
    assert np.allclose(moved[inner, inner], whole[2:, 1:][inner, inner], atol=1e-3)
    assert moved[inner, inner].std() > 0.1


def test_many_targets_are_compared_as_one_at_a_time(networks, pairs):
    published = load(networks.head)
    enroll, compare = load(build_enroll(networks.head)), load(build_compare(networks.head))
    exemplars, search = pairs
    (kernels,) = enroll(exemplars.transpose(0, 2, 3, 1))
    logits, distances = compare(kernels, search.transpose(0, 2, 3, 1))
    assert kernels.shape == (5, 2, 64, exemplars.shape[1])
    assert logits.shape == (5, 16, 16)
    assert distances.shape == (5, 4, 16, 16)
    for row in range(5):
        classes, boxes = published(exemplars[row : row + 1], search[row : row + 1])
        assert np.allclose(logits[row], classes[0, 1] - classes[0, 0], atol=1e-3)
        assert np.allclose(distances[row], boxes[0], atol=1e-3)
    assert logits.std() > 0.01


def test_other_numbers_of_gates_are_refused(networks, gates):
    with pytest.raises(InputError, match=rf"has {len(gates)} gates, but there are 1 values"):
        build_features(networks.backbone, gates[:1])


def test_a_head_without_two_branches_is_refused(networks):
    head = copy(networks.head)
    exemplar, search = (value.name for value in head.graph.input)
    first = next(node for node in head.graph.node if node.input[0] == exemplar)
    first.input[0] = search
    for build in (build_enroll, build_compare):
        with pytest.raises(InputError, match="must convolve exemplars in two branches"):
            build(head)


def test_a_head_that_does_not_correlate_pixel_by_pixel_is_refused(networks):
    head = copy(networks.head)
    turned = next(node for node in head.graph.node if node.op_type == "Transpose")
    turned.op_type = "Identity"
    del turned.attribute[:]
    with pytest.raises(InputError, match="the head is not NanoTrack's: no Transpose follows"):
        build_compare(head)
