"""Features of squares of a frame: out of shared parts, or out of a crop of each."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mvot_plugin.engines.extraction import Extraction, choose_octaves, octave_factors
from mvot_plugin.ops.crops import crop_maps
from mvot_plugin.ops.geometry import Geometry
from mvot_plugin.ops.images import crop_rectangle, mean_color
from mvot_plugin.runtimes.base import Network
from mvot_plugin.types import Frame

BINS, STRIDE, FIELD = 6, 8, 31
UNPADDED = Geometry(stride=STRIDE, field=FIELD, is_padded=False)
PADDED = Geometry(stride=STRIDE, field=FIELD, is_padded=True)
BLOCKS = replace(PADDED, block=4)
EXACT = {"atol": 1e-4, "rtol": 1e-4}
SIDE = BINS * STRIDE
IMAGE = np.random.default_rng(0).integers(0, 255, (176, 240, 3)).astype(np.uint8)
FRAME = Frame(image=IMAGE, index=0, timestamp=0.0)
every_geometry = pytest.mark.parametrize(
    "geometry", [UNPADDED, PADDED, BLOCKS], ids=["unpadded", "padded", "blocks"]
)


class Convolution:
    """A network of one random convolution, on numpy arrays, that records its images."""

    def __init__(self, geometry):
        self.geometry, self.config, self.shapes = geometry, None, []
        generator = torch.Generator().manual_seed(0)
        self.weight = torch.randn(5, 3, FIELD, FIELD, generator=generator) / (255 * FIELD)

    def run(self, function, images):
        assert function == "features"
        self.shapes.append(images.shape)
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
        padding = FIELD // 2 if self.geometry.is_padded else 0
        features = F.conv2d(pixels, self.weight, stride=STRIDE, padding=padding)
        return (features.permute(0, 2, 3, 1).contiguous().numpy(),)

    workers = 1

    def map(self, function, batches):
        return [self.run(function, *arrays) for arrays in batches]

    def crop(self, maps, squares, which, bins, stride):
        return crop_maps(maps, squares, which, bins, stride)

    def to_numpy(self, values):
        return values


def squares_at(*corners, side=SIDE):
    corners = np.array(corners, np.float32)
    return np.hstack([corners, corners + np.float32(side)])


def extract(geometry, squares, factor=1.0, way="auto", frame=FRAME):
    factors = np.broadcast_to(np.asarray(factor, np.float64), len(squares)).copy()
    network = Convolution(geometry)
    assert isinstance(network, Network)
    found = Extraction(way=way, batch=3).extract(network, geometry, frame, squares, factors, BINS)
    return found, network.shapes


def extract_whole(geometry, squares, factor=1.0):
    """The same out of one map of the whole frame, and of what an unpadded network sees beyond."""
    unit = STRIDE * geometry.block
    cells = [-(-int(np.ceil(side * factor)) // unit) * geometry.block for side in FRAME.size]
    x0, y0, x1, y1 = geometry.to_pixels(np.array([0, 0, *cells])).tolist()
    size = x1 - x0, y1 - y0
    image = crop_rectangle(IMAGE, factor, (float(x0), float(y0)), size, mean_color(IMAGE))
    (features,) = Convolution(geometry).run("features", image[None])
    assert features.shape[1:3] == (cells[1], cells[0])
    scaled = (squares * factor).astype(np.float32)
    return crop_maps([features[0]], scaled, np.zeros(len(squares), np.int64), BINS, STRIDE)


SCATTERED = squares_at((3.3, 5.1), (100.5, 60.2), (180, 120), (-20, 40), (210, 150), (60, 70))


@every_geometry
@pytest.mark.parametrize("factor", [1.0, 0.5, 2.0])
def test_parts_have_the_features_of_the_whole_frame(geometry, factor):
    """Inside and at the edges: those of the frame are seen, those of parts are not."""
    found, _ = extract(geometry, SCATTERED, factor, way="parts")
    assert found.shape == (len(SCATTERED), BINS, BINS, 5)
    np.testing.assert_allclose(found, extract_whole(geometry, SCATTERED, factor), **EXACT)


def test_a_part_of_a_padded_network_needs_its_halo():
    """The test above would fail without one."""

    class Bare(Geometry):
        halo = 0

    bare = Bare(stride=STRIDE, field=FIELD, is_padded=True)
    found, _ = extract(bare, SCATTERED[:3], way="parts")
    whole = extract_whole(PADDED, SCATTERED[:3])
    assert np.abs(found - whole).max() > 0.1


def inner(geometry):
    """The bins of a crop that do not know where it ends."""
    bins = slice(geometry.halo, BINS - geometry.halo)
    return slice(None), bins, bins


@every_geometry
def test_crops_have_the_features_of_the_frame_where_cells_coincide(geometry):
    """Their bins are cells; squares that lie on the frame's cells need no interpolation."""
    low, bins = 0.5 - STRIDE / 2, inner(geometry)
    aligned = squares_at((48 + low, 40 + low), (104 + low, 64 + low), (8 * STRIDE + low, 48 + low))
    cropped, shapes = extract(geometry, aligned, way="crops")
    assert [shape[0] for shape in shapes] == [3]
    np.testing.assert_allclose(cropped[bins], extract_whole(geometry, aligned)[bins], **EXACT)
    shared, _ = extract(geometry, aligned, way="parts")
    np.testing.assert_allclose(cropped[bins], shared[bins], **EXACT)


@every_geometry
@pytest.mark.parametrize("zoom", [0.5, 2.0])
def test_a_crop_is_enlarged_to_its_bins(geometry, zoom):
    """Whatever the scale of the parts: it is that of a frame in which its bins are cells."""
    low, bins = 0.5 - STRIDE / 2, inner(geometry)
    aligned = squares_at((24 + low, 16 + low)) / np.float32(zoom)
    cropped, _ = extract(geometry, aligned, 1.0, way="crops")
    whole = extract_whole(geometry, aligned, zoom)
    assert cropped[bins].size > 0
    np.testing.assert_allclose(cropped[bins], whole[bins], **EXACT)


@every_geometry
@pytest.mark.parametrize("way", ["parts", "crops"])
def test_squares_together_are_as_each_alone(geometry, way):
    factors = [1.0, 0.5, 1.0, 2.0, 1.0, 0.5]
    together, _ = extract(geometry, SCATTERED, factors, way)
    for row, factor in enumerate(factors):
        alone, _ = extract(geometry, SCATTERED[row : row + 1], factor, way)
        np.testing.assert_allclose(together[row], alone[0], **EXACT)


@every_geometry
def test_what_has_fewer_pixels_is_computed(geometry):
    """A crop for a square alone, and one part for a crowd; the rows keep their order."""
    crowd = squares_at(*[(20 + 6 * i, 10 + 5 * i) for i in range(9)])
    mixed = np.concatenate([crowd[:4], squares_at((155, 90)), crowd[4:]])
    parts, is_cropped = Extraction().plan(geometry, FRAME.size, mixed, np.ones(10), BINS)
    assert is_cropped.tolist() == [row == 4 for row in range(10)]
    assert [sorted(part.rows.tolist()) for part in parts] == [[0, 1, 2, 3, 5, 6, 7, 8, 9]]
    found, shapes = extract(geometry, mixed)
    assert len(shapes) == 2
    np.testing.assert_array_equal(found[~is_cropped], extract(geometry, crowd, way="parts")[0])
    np.testing.assert_array_equal(found[4:5], extract(geometry, mixed[4:5], way="crops")[0])


@every_geometry
def test_a_plan_never_sees_more_pixels_than_one_way_alone(geometry):
    """And the images that the network gets are those of the plan."""
    rng = np.random.default_rng(1)
    frame = Frame(image=np.zeros((480, 640, 3), np.uint8), index=0, timestamp=0.0)
    for count in (1, 4, 15, 40):
        squares = squares_at(*rng.uniform(0, (600, 440), (count, 2)))
        factors = rng.choice([0.5, 1.0], count)
        pixels = {
            way: sum(
                np.prod(shape[:3]) for shape in extract(geometry, squares, factors, way, frame)[1]
            )
            for way in ("auto", "parts", "crops")
        }
        assert pixels["auto"] <= min(pixels["parts"], pixels["crops"])


def test_parts_begin_and_end_at_multiples_of_a_block():
    for part in Extraction(way="parts").plan(
        BLOCKS, FRAME.size, SCATTERED, np.ones(len(SCATTERED)), BINS
    )[0]:
        assert (part.seen % BLOCKS.block == 0).all()
        assert (part.seen[:2] <= part.cells[:2]).all()
        assert (part.seen[2:] >= part.cells[2:]).all()


@pytest.mark.parametrize("way", ["auto", "parts", "crops"])
def test_squares_far_outside_the_frame_are_legal(way):
    for geometry in (UNPADDED, PADDED):
        found, _ = extract(geometry, squares_at((-900, -900), (2000, 50), (5, 5)), way=way)
        assert np.isfinite(found).all()


def test_a_crop_whose_bins_are_no_cells_is_as_the_part_of_a_frame_of_its_size():
    """A square 1.5 times as large as its bins' cells, where nothing has to be rescaled."""
    squares, side = squares_at((32, 48), (96, 32), side=SIDE * 1.5), int(SIDE * 1.5)
    found = [
        Extraction(way=way).extract(
            Convolution(BLOCKS), BLOCKS, FRAME, squares, np.ones(2), BINS, side
        )
        for way in ("parts", "crops")
    ]
    inner = slice(2, -2)  # a crop is padded where its frame goes on
    np.testing.assert_allclose(found[0][:, inner, inner], found[1][:, inner, inner], **EXACT)
    assert np.abs(found[0]).max() > 0.5


def test_scales_are_the_nearest_half_octaves():
    sides = np.array([100, 110, 141, 200, 50, 27], np.float32)
    assert choose_octaves(sides, 100.0).tolist() == [0, 0, -1, -2, 2, 4]
    np.testing.assert_allclose(octave_factors(np.array([-2, -1, 0, 4])), [0.5, 0.5**0.5, 1, 4])


def test_a_target_keeps_its_scale_until_it_outgrows_it_clearly():
    sides = np.array([100 * 2 ** (0.5 * x) for x in (0.4, 0.7, 0.9, -0.7, -0.9)], np.float32)
    last = np.zeros(5, np.int64)
    assert choose_octaves(sides, 100.0).tolist() == [0, -1, -1, 1, 1]
    assert choose_octaves(sides, 100.0, last, 0.3).tolist() == [0, 0, -1, 0, 1]
