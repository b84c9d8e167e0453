"""What the networks see of pairs, against what their engines see of frames that show the same."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from helpers.engine_runs import with_way
from helpers.training.siamese import CONFIG, create_trainer
from mvot_plugin.engines.siamese import SiameseEngine
from mvot_plugin.models.siamese.network import SiameseFunctions
from mvot_plugin.runtimes.torch_network import TorchNetwork
from mvot_plugin.types import as_frame
from mvot_training.losses import to_canonical_pixels
from mvot_training.pairs.batches import PairBatch
from mvot_training.siamese import trainer as trainer_module
from mvot_training.siamese import views
from mvot_training.siamese.views import (
    GEOMETRIES,
    REGION_MARGINS,
    REGION_ZOOM,
    SHIFT,
    crop_features,
    resize_images,
    view_batch,
)

SIDE = GEOMETRIES[1].search_size
SHIFTS = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (8, 0), (-8, 0), (0, 8), (0, -8)]
"""How far search areas are moved, in pixels of the network; the first one is right."""
MARGIN = REGION_MARGINS[1]
BOXES = {"imsiam": (30, 30), "siamattn": (24, 36), "siammot-emm": (36, 64), "siammot-imm": (64, 36)}
"""Width and height of a box whose search area is about as large as the network is to see it; those
of SiamMOT are rectangles."""


@pytest.fixture(scope="module")
def image():
    """A frame with texture at several scales."""
    rng, size = np.random.default_rng(3), (960, 736)
    parts = [
        cv2.resize(rng.uniform(0, 255, (size[1] // cell, size[0] // cell, 3)), size)
        for cell in (4, 12, 40)
    ]
    return np.clip(2 * np.mean(parts, axis=0) - 128, 0, 255).astype(np.uint8)


def make_batch(image, boxes, priors=None):
    """Pairs that show the same image, each with a box of its own."""
    boxes = np.array(boxes, np.float32)
    images, all_rows = np.stack([image] * len(boxes)), np.ones(len(boxes), bool)
    return PairBatch(
        exemplars=images,
        exemplar_boxes=np.stack([boxes[0]] * len(boxes)),
        searches=images,
        boxes=boxes,
        priors=boxes if priors is None else np.array(priors, np.float32),
        positive=all_rows,
        labelled=all_rows,
        masked=~all_rows,
    )


def box_about(centre, size):
    """The box of (width, height) about (x, y)."""
    centre, half = np.array(centre), np.array(size) / 2
    return np.concatenate([centre - half, centre + half]).astype(np.float32)


def see_in_training(name, batch, zoom, monkeypatch):
    """The network, and what it sees in training of exemplars and of search areas."""
    monkeypatch.setattr(trainer_module, "native_dtype", lambda device: torch.float32)
    monkeypatch.setattr(views, "REGION_MARGINS", (MARGIN, MARGIN))
    zooms = (zoom / REGION_ZOOM if name.startswith("siammot") else zoom,)
    trainer = create_trainer(replace(CONFIG, engines=(name,), zooms=zooms, shares={}))
    network, seen = trainer.network.networks[name], []
    monkeypatch.setattr(network, "enroll", lambda crops, sizes: seen.append(crops) or (crops,))
    monkeypatch.setattr(network, "answer", lambda templates, crops: seen.append(crops))
    nothing = {"nothing": torch.zeros(())}
    monkeypatch.setattr(trainer_module, "LOSSES", {name: lambda *arguments: nothing})
    trainer.compute_loss(batch)
    monkeypatch.undo()
    return network, *(crops.detach() for crops in seen)


def see_in_frame(network, image, box, octave):
    """What the engine of a network sees of the search area of a box."""
    engine = SiameseEngine.from_network(TorchNetwork(SiameseFunctions(network.eval())))
    assert engine._choose_octaves(box[None]).tolist() == [octave]
    return with_way(engine, "parts")._extract(as_frame(image), box[None], np.array([octave]))


def compare(name, image, side, scale, monkeypatch):
    """The differences between both, by shift, in deviations, in the middle of the search area.

    The images of the pair are ``side`` pixels of the frame; all is reduced ``scale`` times.
    """
    margin = MARGIN if name.startswith("siammot") else 0
    corner = np.array([224, 96]) - margin
    part = np.ascontiguousarray(image[corner[1] :, corner[0] :][:side, :side])
    assert part.shape == (side, side, 3)
    box = box_about([side / 2] * 2, np.array(BOXES[name]) * scale)
    shifted = [box + np.tile(np.float32(shift) * scale, 2) for shift in SHIFTS]
    network, exemplars, searches = see_in_training(
        name, make_batch(part, shifted), 1 / scale, monkeypatch
    )
    frame_box = box + np.tile(corner, 2).astype(np.float32)
    expected = see_in_frame(network, image, frame_box, round(-2 * np.log2(scale)))
    assert searches.shape[1:] == expected.shape[1:]
    assert torch.allclose(exemplars, searches[:1].expand_as(exemplars), atol=1e-4)
    border = expected.shape[1] // 4
    errors = (searches - expected)[:, border:-border, border:-border]
    spread = float(expected[:, border:-border, border:-border].std())
    deviations = errors.square().mean((1, 2, 3)).sqrt() / spread
    return dict(zip(SHIFTS, deviations.tolist(), strict=True))


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("name", BOXES)
def test_networks_see_of_a_pair_what_their_engines_see_of_a_frame(name, scale, image, monkeypatch):
    """Both see far beyond the search area, whose cells and bins lie at the same places."""
    found = compare(name, image, 256 * scale + 2 * MARGIN, scale, monkeypatch)
    others = [difference for shift, difference in found.items() if shift != (0, 0)]
    assert found[0, 0] < min(0.07, 0.7 * min(others))


@pytest.mark.parametrize("name", BOXES)
def test_images_of_the_stage_show_what_engines_see(name, image, monkeypatch):
    """They end soon beyond the search area, which the features there show."""
    found = compare(name, image, SIDE, 2, monkeypatch)
    cells_apart = [difference for shift, difference in found.items() if 8 in np.abs(shift)]
    assert found[0, 0] < min(0.2, 0.3 * min(cells_apart))


@pytest.mark.parametrize("side", [288, 144, 128, 80, 100])
def test_features_are_cropped_where_they_lie_on_the_image(side):
    """Of an image as bright as its x, and another one as bright as its y."""
    ramp = np.arange(288, dtype=np.float32) * (255 / 287)
    images = np.stack([np.tile(ramp, (288, 1)), np.tile(ramp[:, None], 288)]).astype(np.uint8)
    pixels = resize_images(np.repeat(images[..., None], 3, 3), side, torch.device("cpu"))
    assert pixels.shape[2:] == ((side + 15) // 16 * 16,) * 2
    cells = torch.nn.functional.avg_pool2d(pixels, 1, stride=8).permute(0, 2, 3, 1)
    zoom = side / 288
    area = np.array([[60.0, 84.0, 180.0, 228.0]], np.float32).repeat(2, 0)
    crops = crop_features(cells, area * np.float32(zoom), 6)[..., 0] * 58.395 + 123.675
    x, y = (low + size * (np.arange(6) + 0.5) / 6 - 0.5 for low, size in ((60, 120), (84, 144)))
    unit = 255 / 287
    assert np.allclose(crops[0].numpy(), np.tile(x * unit, (6, 1)), atol=1.0)
    assert np.allclose(crops[1].numpy(), np.tile(y[:, None] * unit, 6), atol=1.0)


def test_bins_beyond_a_map_are_its_nearest_cells():
    cells = torch.arange(16.0).view(1, 4, 4, 1)
    crops = crop_features(cells, np.array([[-64, -64, 96, 96]], np.float32), 20)
    assert crops[0, 0, 0] == 0
    assert crops[0, -1, 0] == 12
    assert crops[0, 0, -1] == 3
    assert crops[0, -1, -1] == 15


@pytest.mark.parametrize("is_region", [False, True])
def test_search_areas_are_placed_about_priors(is_region, image):
    """SiamMOT's are smaller: of the shift of a prior, they have a share."""
    box, prior = box_about((140, 150), (40, 80)), box_about((144, 144), (50, 70))
    batch = make_batch(image[:SIDE, :SIDE], [box], priors=[prior])
    seen = []

    def compute(images, side):
        seen.append((images, side))
        return torch.zeros(1, 24, side // 4, side // 4), [torch.zeros(1, 48, side // 8, side // 8)]

    view = view_batch(compute, batch, 0.5, is_region=is_region)
    margins, zoom, share = (REGION_MARGINS, 0.75, 0.6) if is_region else ((0, 0), 0.5, 1.0)
    assert view.margins == margins
    assert np.allclose(view.priors[0], box + share * (prior - box))
    wholes = batch.exemplars, batch.searches
    for (images, side), whole, margin in zip(seen, wholes, margins, strict=True):
        inner = slice(margin, SIDE - margin)
        assert np.array_equal(images, whole[:, inner, inner])
        assert side == zoom * images.shape[1]
    assert view.zooms == [zoom, zoom]


def test_canonical_pixels_of_rectangles_have_a_width_and_a_height():
    areas = np.array([[100, 40, 180, 200], [0, 0, 64, 128]], np.float32)
    boxes = np.array([[120, 80, 160, 160], [0, 0, 16, 16]], np.float32)
    found = to_canonical_pixels(boxes, areas, 128)
    assert found.tolist() == [[0, 0, 64, 64], [-48, -56, 32, 16]]


def test_more_search_areas_lie_between_the_first_one_and_the_object(image):
    boxes = [box_about((140, 150), (40, 80)), box_about((150, 130), (60, 30))]
    priors = [box_about((144, 144), (50, 70)), box_about((144, 144), (60, 40))]
    batch = make_batch(image[:SIDE, :SIDE], boxes, priors=priors)
    view = views.View(maps=[], zooms=[], margins=(0, 0), priors=batch.priors)
    assert view.draw(batch, 1, (0, 7)) is view
    drawn = view.draw(batch, 50, (0, 7))
    assert (drawn.draws, drawn.priors.dtype) == (50, np.float32)
    assert np.array_equal(drawn.priors, view.draw(batch, 50, (0, 7)).priors)
    assert not np.array_equal(drawn.priors, view.draw(batch, 50, (0, 8)).priors)
    for box, prior, some in zip(boxes, priors, drawn.priors.reshape(2, 50, 4), strict=True):
        assert np.array_equal(some[0], prior)
        slack = SHIFT * np.tile(box[2:] - box[:2], 2) + 1e-3
        assert (some >= np.minimum(box, prior) - slack).all()
        assert (some <= np.maximum(box, prior) + slack).all()
        assert np.ptp(some[:, 0]) > 5
