"""The comparison of pairs by SiamFC and SiamMT, and the size loss."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch.testing import assert_close

from helpers.training.siamfc import FC, MT, create_trainer
from mvot_plugin.models.siamfc.config import GEOMETRY
from mvot_training.siamfc.comparison import compare_frames, compare_images, score_map_positions
from mvot_training.siamfc.size_loss import size_loss
from mvot_training.siamfc.trainer import sample_step


def test_siamfc_images_are_its_areas(training_data):
    batch = sample_step(training_data, FC, 0)
    assert batch.exemplars.shape == (2, 127, 127, 3)
    assert batch.searches.shape == (2, 255, 255, 3)
    config = create_trainer().network.config
    areas = config.image_areas(batch.priors, 255)
    assert np.allclose(areas, [0, 0, 255, 255], atol=0.5)
    areas = config.image_areas(batch.exemplar_boxes, 127)
    assert np.allclose(areas, [0, 0, 127, 127], atol=0.5)


def test_siammt_images_hold_its_areas_and_the_margins(training_data):
    sides = []
    for step in range(6):
        batch = sample_step(training_data, MT, step)
        config = create_trainer(MT).network.config
        margin, stride = GEOMETRY.field / 2, GEOMETRY.stride
        for images, boxes, cells in (
            (batch.exemplars, batch.exemplar_boxes, config.exemplar_cells),
            (batch.searches, batch.priors, config.search_cells),
        ):
            areas = config.cell_areas(boxes, cells)
            assert (areas[:, :2] >= margin - stride).all()
            assert (areas[:, 2:] <= images.shape[1] - margin + stride).all()
        sides += np.sqrt(np.prod(batch.priors[:, 2:] - batch.priors[:, :2], axis=1)).tolist()
    assert 25 < min(sides) < max(sides) < 90


@pytest.mark.parametrize(
    ("config", "compare"), [(FC, compare_images), (MT, compare_frames)], ids=["siamfc", "siammt"]
)
def test_the_score_map_peaks_at_the_ground_truth(config, compare, training_data):
    """Of a bright square on black, as in the exemplar image."""
    batch = sample_step(training_data, replace(config, batch=1), 1)
    exemplars, searches = np.zeros_like(batch.exemplars), np.zeros_like(batch.searches)
    for images, boxes in ((exemplars, batch.exemplar_boxes), (searches, batch.boxes)):
        x0, y0, x1, y1 = boxes[0].round().astype(int).clip(0)
        images[0, y0:y1, x0:x1] = 255
    network = create_trainer(config).network.eval()
    with torch.inference_mode():
        pairs = compare(network, replace(batch, exemplars=exemplars, searches=searches))
        log_odds, ground_truth = pairs.log_odds, pairs.ground_truth
    peak = score_map_positions(network)[
        tuple(np.unravel_index(int(log_odds[0].argmax()), log_odds[0].shape))
    ]
    assert_close(peak, torch.as_tensor(ground_truth[0, :2]), atol=14, rtol=0)
    assert score_map_positions(network)[0, 0].tolist() == [-64, -64]
    assert score_map_positions(network)[8, 8].tolist() == [0, 0]


def test_windows_of_the_right_size_are_the_most_similar(training_data):
    """Of a checkered square as large as the ground truth: its growth is about 0 there."""
    batch = sample_step(training_data, replace(MT, batch=4), 2)
    exemplars, searches = np.zeros_like(batch.exemplars), np.zeros_like(batch.searches)
    for images, boxes in ((exemplars, batch.exemplar_boxes), (searches, batch.boxes)):
        for image, box in zip(images, boxes, strict=True):
            x0, y0, x1, y1 = box.round().astype(int).clip(0)
            board = np.kron([[255, 60, 255], [0, 255, 90], [200, 0, 255]], np.ones((8, 8)))
            resized = cv2.resize(board, (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)
            part = image[y0:y1, x0:x1]
            part[:] = resized[: part.shape[0], : part.shape[1], None]
    network, sizes = create_trainer(MT).network.eval(), (0.7, 0.85, 1.0, 1.2, 1.45)
    with torch.inference_mode():
        pairs = compare_frames(
            network, replace(batch, exemplars=exemplars, searches=searches), sizes
        )
    sides = np.sqrt((batch.boxes[:, 2:] - batch.boxes[:, :2]).prod(1))
    before = np.sqrt((batch.priors[:, 2:] - batch.priors[:, :2]).prod(1))
    expected = np.log(sides / before)[:, None] - np.log(sizes)
    assert_close(pairs.growth, torch.as_tensor(expected), atol=1e-3, rtol=0, check_dtype=False)
    off = pairs.growth.gather(1, pairs.similarity.argmax(1, keepdim=True)).abs()
    assert float(off.median()) < 0.2


def test_the_size_loss_is_least_where_the_right_size_is_the_most_similar():
    growth = torch.tensor([[0.1, 0.0, -0.1], [0.0, -0.1, -0.2]])
    right = torch.tensor([[0.5, 0.9, 0.5], [0.9, 0.5, 0.5]])
    losses = [float(size_loss(a, growth)) for a in (right, torch.zeros(2, 3), 1 - right)]
    assert losses[0] < losses[1] < losses[2]
    assert losses[1] == pytest.approx(np.log(3), rel=1e-4)
    assert float(size_loss(right[:0], growth[:0])) == 0
