"""Where the bins of the light network lie, and the settings of its config."""

from dataclasses import asdict

import numpy as np
import pytest

from mvot_plugin.engines.extraction import Extraction
from mvot_plugin.errors import UsageError
from mvot_plugin.models.light.config import PRESETS, LightConfig
from mvot_plugin.models.light.network import LightNet
from mvot_plugin.ops.areas import context_side
from mvot_plugin.ops.boxes import xyxy_to_cxcywh
from mvot_plugin.ops.crops import crop_maps
from mvot_plugin.types import Frame

BOXES = np.array([[100, 60, 116, 90], [20, 20, 80, 70], [60, 10, 180, 120]], np.float32)
CONFIG = LightConfig()


def bin_centres(squares, bins):
    """The middles of the bins of squares along x, in pixels of the frame: (N, bins)."""
    side = squares[:, 2:3] - squares[:, 0:1]
    return squares[:, 0:1] + (np.arange(bins) + 0.5) * side / bins


def test_a_search_area_is_two_exemplar_areas_wide_about_the_box():
    areas = CONFIG.search_areas(BOXES)
    middle, box = xyxy_to_cxcywh(areas), xyxy_to_cxcywh(BOXES)
    assert np.allclose(middle[:, :2], box[:, :2], atol=1e-4)
    assert np.allclose(middle[:, 2:], 2 * context_side(BOXES)[:, None], rtol=1e-5)
    wide = LightConfig(search_bins=20, context=0.3).search_areas(BOXES)
    sides = xyxy_to_cxcywh(wide)[:, 2]
    assert np.allclose(sides, 2.5 * context_side(BOXES, 0.3), rtol=1e-5)


@pytest.mark.parametrize("bins", [16, 20])
def test_the_bins_are_on_the_cells_of_an_image_of_the_search_area(bins):
    """Cells of stride 8 are on the pixels 0, 8, 16, ... of an image with 8 pixels in a bin."""
    config = LightConfig(search_bins=bins, tracking_side=8 * bins)
    areas = config.search_areas(BOXES)
    squares = config.sampled_areas(areas)
    pixel = (areas[:, 2:3] - areas[:, 0:1]) / config.tracking_side
    on_pixels = areas[:, 0:1] + (8 * np.arange(bins) + 0.5) * pixel
    assert np.allclose(bin_centres(squares, bins), on_pixels, atol=1e-3)
    assert np.allclose(squares[:, 2:] - squares[:, :2], areas[:, 2:] - areas[:, :2], rtol=1e-5)
    assert np.allclose(squares[:, 0] - areas[:, 0], squares[:, 1] - areas[:, 1], atol=1e-4)


def test_the_exemplar_is_the_middle_of_the_search_area():
    squares = CONFIG.sampled_areas(CONFIG.search_areas(BOXES))
    border = (CONFIG.search_bins - CONFIG.exemplar_kept) // 2
    assert (border, CONFIG.exemplar_kept, CONFIG.search_bins) == (4, 8, 16)
    kept = bin_centres(squares, 16)[:, border : border + 8]
    bin_side = context_side(BOXES) / 8
    assert np.allclose(np.diff(kept, axis=1), bin_side[:, None], rtol=1e-3)
    cells_from_corner = kept[:, 0] - (xyxy_to_cxcywh(BOXES)[:, 0] - 4 * bin_side)
    assert np.allclose(cells_from_corner, bin_side / 16, atol=1e-2)


def test_proposals_count_from_the_middle_of_the_search_area():
    """In canonical pixels, 16 of which are a bin."""
    areas = CONFIG.search_areas(BOXES)
    pixel = (areas[:, 2:3] - areas[:, 0:1]) / CONFIG.canonical_side
    from_middle = bin_centres(CONFIG.sampled_areas(areas), 16) - xyxy_to_cxcywh(areas)[:, 0:1]
    assert (CONFIG.stride, CONFIG.canonical_side) == (16, 256)
    x0, y0, x1, y1 = LightNet(CONFIG).places.view(4, 16, 16).numpy()
    for columns, rows in ((x0, y0), (x1, y1)):
        assert np.allclose(columns[5], from_middle / pixel, atol=1e-2)
        assert np.allclose(rows[:, 5], columns[5])


class PixelNetwork:
    """Its features are the pixels of images at cells of stride 8."""

    config, workers = CONFIG, 1

    def run(self, function, images):
        return (images[:, ::8, ::8].astype(np.float32),)

    def map(self, function, batches):
        return [self.run(function, *arrays) for arrays in batches]

    def crop(self, maps, squares, which, bins, stride):
        return crop_maps(maps, squares, which, bins, stride)

    def to_numpy(self, values):
        return values


@pytest.mark.parametrize("side", [128, 176])
def test_a_crop_of_a_search_area_is_seen_at_its_bins(side):
    """Where a frame is as bright as its x and y, features are the places of the bins."""
    y, x = np.mgrid[:180, :240]
    frame = Frame(image=np.stack([x, y, x], 2).astype(np.uint8), index=0, timestamp=0.0)
    squares = CONFIG.sampled_areas(CONFIG.search_areas(BOXES[:2]))
    features = Extraction(way="crops").extract(
        PixelNetwork(), CONFIG.geometry, frame, squares, np.ones(2), 16, side
    )
    centres = bin_centres(squares, 16)
    inside = (centres > 1) & (centres < 178)
    for row in range(2):
        columns = np.flatnonzero(inside[row, :-1])  # the last bin may be beyond the last cell
        found = features[row, 8, columns, 0]
        assert len(columns) > 8
        assert np.allclose(found, centres[row, columns] - 0.5, atol=0.7)
        assert abs((found - centres[row, columns] + 0.5).mean()) < 0.2


def test_the_geometry_fits_the_backbone():
    geometry = CONFIG.geometry
    assert (geometry.stride, geometry.block, geometry.is_padded) == (8, 2, True)
    assert geometry.crop_pixels(CONFIG.tracking_side) == 128
    assert geometry.crop_pixels(120) == 128
    assert (CONFIG.score_cells, CONFIG.search_scales) == (16, (1.0,))


def test_a_config_comes_back_from_plain_values():
    config = LightConfig(width=32, calibration=(0.5, -1.0), attention=False)
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(config).items()}
    assert LightConfig.from_dict(plain) == config
    assert LightConfig.from_dict({}) == LightConfig() == PRESETS["siammotion-n"]
    hash(LightConfig.from_dict(plain))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"heads_width": 8}, r"siammotion-n setting 'heads_width'.*'head_width'"),
        ({"tower": 3}, "unknown siammotion-n setting 'tower'"),
        ({"width": 7}, "must be 8 or more"),
        ({"search_bins": 65}, "must be 64 or less"),
        ({"rpn": "no"}, "must be bool"),
    ],
)
def test_what_is_no_setting_is_named(values, message):
    with pytest.raises(UsageError, match=message):
        LightConfig.from_dict(values)
