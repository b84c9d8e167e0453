from collections import Counter

import cv2
import numpy as np
import pytest

from mvot_plugin.embedders import ColourEmbedder, Embedder, embed_boxes
from mvot_plugin.types import Frame

BLUE, RED, GREEN = (200, 40, 30), (30, 40, 200), (40, 180, 40)
SIZE = 160, 120
BOXES = np.array([[20, 10, 60, 110], [90, 30, 120, 90]], np.float32)


def frame_of(image):
    return Frame(image=image, index=0, timestamp=0.0)


def noise(seed=0, size=SIZE):
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)


def dressed(image, box, upper, lower):
    """The image with a box of two colours, one above the other."""
    x0, y0, x1, y1 = (int(edge) for edge in box)
    middle = (y0 + y1) // 2
    image[y0:middle, x0:x1], image[middle:y1, x0:x1] = upper, lower
    return image


def embed(image, boxes=BOXES):
    return ColourEmbedder()(frame_of(image), np.asarray(boxes, np.float32))


def slow_histogram(pixels):
    """The square roots of the shares of bins in four stripes, pixel by pixel."""
    counts = Counter()
    for row, line in enumerate(pixels):
        for pixel in line:
            light, a, b = cv2.cvtColor(pixel.reshape(1, 1, 3), cv2.COLOR_BGR2LAB)[0, 0].tolist()
            chroma = [sum(value >= edge for edge in (116, 124, 132, 140)) for value in (a, b)]
            counts[(row * 4 // len(pixels), light // 32, *chroma)] += 1
    table = np.zeros((4, 8, 5, 5))
    for place, count in counts.items():
        table[place] = (count / pixels[..., 0].size) ** 0.5
    return table.reshape(-1)


def test_it_is_an_embedder():
    assert isinstance(ColourEmbedder(), Embedder)


def test_an_embedding_is_the_root_of_the_histogram_of_each_stripe():
    """The inner 60 % and 90 % of this box are 16x48 whole pixels, one for each sample."""
    image = noise()
    image[10:40] //= 4
    image[40:60, :, 0] //= 2
    inner = np.array([40, 20, 56, 68], np.float32)
    center, half = np.array([48, 44]), np.array([8 / 0.6, 24 / 0.9])
    box = np.concatenate([center - half, center + half])
    expected = slow_histogram(image[20:68, 40:56])
    assert np.allclose(embed(image, [box])[0], expected, atol=1e-6)
    assert not np.allclose(embed(image, [inner])[0], expected, atol=0.05)


def test_embeddings_have_unit_length_and_the_announced_dimensions():
    embeddings = embed(noise())
    assert embeddings.shape == (2, ColourEmbedder.dimensions)
    assert embeddings.dtype == np.float32
    assert np.allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)


def test_boxes_together_are_the_boxes_one_by_one():
    boxes = np.random.default_rng(1).uniform(-20, 90, (40, 4)).astype(np.float32)
    boxes[:, 2:] = boxes[:, :2] + np.abs(boxes[:, 2:]) + 2
    together = embed(noise(), boxes)
    assert np.array_equal(together, np.concatenate([embed(noise(), [box]) for box in boxes]))


def test_the_same_clothes_elsewhere_are_nearer_than_other_clothes():
    image = dressed(noise(), BOXES[0], BLUE, RED)
    same = dressed(noise(1), BOXES[1], BLUE, RED)
    swapped = dressed(noise(1), BOXES[1], RED, BLUE)
    other = dressed(noise(1), BOXES[1], GREEN, GREEN)
    reference = embed(image, BOXES[:1])[0]
    cosines = [embed(i, BOXES[1:])[0] @ reference for i in (same, swapped, other)]
    assert cosines[0] > 0.95
    assert max(cosines[1:]) < 0.1


def test_a_change_behind_the_object_changes_nothing():
    image = noise()
    around = image.copy()
    around[:, :25], around[:, 55:] = 0, 255
    assert np.array_equal(embed(image, BOXES[:1]), embed(around, BOXES[:1]))


@pytest.mark.parametrize("shade", [(60, 200), (20, 240)])
def test_grey_video_is_told_apart_by_lightness(shade):
    image = np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)
    dark, light = ((s,) * 3 for s in shade)
    dressed(dressed(image, BOXES[0], dark, light), BOXES[1], light, dark)
    embeddings = embed(image, [*BOXES, BOXES[0] + [0, 1, 0, 1]])
    assert embeddings[0] @ embeddings[1] < 0.1
    assert embeddings[0] @ embeddings[2] > 0.95
    used = embeddings.reshape(3, 4, 8, 5, 5).any(axis=(0, 1, 2))
    assert np.argwhere(used).tolist() == [[2, 2]]


def test_weak_noise_of_colour_leaves_greys_in_one_bin():
    grey = np.full((SIZE[1], SIZE[0], 3), 140, np.uint8)
    tinted = grey + np.random.default_rng(0).integers(0, 3, grey.shape, np.uint8)
    assert embed(grey)[0] @ embed(tinted)[0] > 0.999


def test_beyond_the_edge_the_outermost_pixels_continue():
    image = noise()
    padded = cv2.copyMakeBorder(image, 50, 50, 50, 50, cv2.BORDER_REPLICATE)
    boxes = np.array([[-30, -20, 40, 60], [120, 80, 200, 160], [-40, 20, -5, 60]], np.float32)
    assert (embed(image, boxes) * embed(padded, boxes + 50)).sum(axis=1).min() > 0.999


@pytest.mark.parametrize("box", [[5, 5, 5.5, 6], [0, 0, 160, 120], [-1e6, -1e6, 1e6, 1e6]])
def test_boxes_of_any_size_have_an_embedding(box):
    assert np.linalg.norm(embed(noise(), [box])) == pytest.approx(1)


def test_a_frame_of_one_pixel_has_an_embedding():
    assert np.linalg.norm(embed(noise(size=(1, 1)), [[0, 0, 1, 1]])) == pytest.approx(1)


def test_no_boxes_have_no_embeddings_of_the_same_dimensions():
    none = np.zeros((0, 4), np.float32)
    assert embed(noise(), none).shape == (0, ColourEmbedder.dimensions)
    assert embed_boxes(ColourEmbedder(), frame_of(noise()), none).shape == (0, 800)
