"""Lines and zones are read from options and files, or one sentence says why not."""

import json

import numpy as np
import pytest

from mvot_pipelines.counting.config import CountingConfig
from mvot_pipelines.counting.regions import read_regions
from mvot_plugin.errors import InputError, UsageError

SIZE = (200, 100)
SQUARE = [[10, 10], [50, 10], [50, 60], [10, 60]]


def read(text, tmp_path, lines=()):
    path = tmp_path / "zones.yaml"
    path.write_text(text, encoding="utf-8")
    regions = read_regions(CountingConfig(zones=str(path), lines=lines), SIZE)
    return {region.name: region.points.tolist() for region in regions}


def test_lines_are_in_pixels_or_in_sizes_of_the_frame():
    lines = ("door=10,20,30,40", "0,0.5,1,0.5")
    door, other = read_regions(CountingConfig(lines=lines), SIZE)
    assert (door.name, door.points.tolist()) == ("door", [[10, 20], [30, 40]])
    assert (other.name, other.points.tolist()) == ("line 2", [[0, 50], [200, 50]])
    assert door.is_line
    (beyond,) = read_regions(CountingConfig(lines=("-0.5,0.5,1,0.5",)), SIZE)
    assert beyond.points.tolist() == [[-100, 50], [200, 50]]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"shop": SQUARE}, {"shop": SQUARE}),
        ([SQUARE, [[0, 50], [200, 50]]], {"zone 1": SQUARE, "line 2": [[0, 50], [200, 50]]}),
        (SQUARE, {"zone 1": SQUARE}),
        (
            {
                "type": "FeatureCollection",
                "features": [
                    {
                        "properties": {"name": "shop"},
                        "geometry": {"type": "Polygon", "coordinates": [[*SQUARE, SQUARE[0]]]},
                    },
                    {
                        "id": "door",
                        "geometry": {"type": "LineString", "coordinates": SQUARE[:2]},
                    },
                ],
            },
            {"shop": SQUARE, "door": SQUARE[:2]},
        ),
    ],
    ids=["names", "list", "polygon", "geojson"],
)
def test_files_of_zones(content, expected, tmp_path):
    assert read(json.dumps(content), tmp_path) == expected


def test_zones_in_yaml_beside_lines(tmp_path):
    text = "# my shop\nshop: [[10, 10], [50, 10], [50, 60]]\n"
    assert list(read(text, tmp_path, ("door=1,2,3,4",))) == ["door", "shop"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,3", "write x1,y1,x2,y2 or NAME=x1,y1,x2,y2"),
        ("a,b,c,d", "write x1,y1,x2,y2"),
        ("door=", "write x1,y1,x2,y2"),
        ("5,5,5,5", "one and the same"),
        ("nan,0,5,5", "within a million"),
        ("0,0,500000,9", "more than a frame's size outside of the frame"),
        ("500,0,600,9", "outside of the frame, which has 200 x 100"),
    ],
)
def test_what_is_wrong_with_a_line(line, message):
    with pytest.raises(UsageError, match=rf"--count-line .*{message}"):
        read_regions(CountingConfig(lines=(line,)), SIZE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no zones"),
        ("[]", "has no zones"),
        ("just words", "has no zones"),
        ("shop: [[1, 2], [3, x], [4, 5]]", "'shop': its points must be pairs of numbers"),
        ("shop: [[1, 2]]", "'shop': a line needs two points"),
        ("shop: 7", "'shop': its points must be pairs"),
        ("shop: [[1, 2, 3], [3, 4, 5], [6, 7, 8]]", "'shop': its points must be pairs"),
        ("[[[900, 1], [950, 1], [950, 9]]]", "'entry 1': it is outside of the frame"),
        ("shop: [[1, .inf], [3, 4], [4, 5]]", "within a million"),
        (f"shop: [[1{'0' * 400}, 2], [3, 4], [4, 5]]", "within a million"),
        ("shop: [[0, 0], [99999, 0], [0, 99999]]", "'shop': it reaches more than a frame's size"),
        ("shop: [[10, 10], [20, 20], [40, 40]]", "'shop': its points are on one straight line"),
        ("shop: [[1, 2]", "line 1: not valid"),
        ("{'type': FeatureCollection, 'features': 7}", "has no zones"),
        ("{'type': FeatureCollection, 'features': [7]}", "'entry 1': its points must be pairs"),
    ],
)
def test_what_is_wrong_with_a_file(text, message, tmp_path):
    with pytest.raises(InputError, match=rf"--zone .*zones\.yaml.*{message}"):
        read(text, tmp_path)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_regions(CountingConfig(zones=str(tmp_path / "none.json")), SIZE)
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\x00\xff")
    with pytest.raises(InputError, match="is no text"):
        read_regions(CountingConfig(zones=str(binary)), SIZE)


def test_names_are_taken_once(tmp_path):
    with pytest.raises(UsageError, match="two lines or zones are called 'shop'"):
        read("shop: [[1, 2], [30, 4], [40, 50]]", tmp_path, ("shop=1,2,3,4",))


def test_points_are_exact():
    (region,) = read_regions(CountingConfig(lines=("1.5,2.25,3,4",)), SIZE)
    assert region.points.dtype == np.float32
    assert region.points.tolist() == [[1.5, 2.25], [3, 4]]
