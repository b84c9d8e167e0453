"""Tracks as the values of other libraries, tried with these libraries."""

import json
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import supervision as sv

from mvot_plugin.errors import UsageError
from mvot_plugin.types import Tracks

BOXES = np.array([[10, 20, 50, 100], [60, 20, 90, 80]], np.float32)


def tracks(**columns):
    return Tracks(
        id=np.array([7, 3]),
        xyxy=BOXES,
        score=np.array([0.5, 0.25], np.float32),
        class_id=np.array([0, 9]),
        detected=np.array([True, False]),
        detection_index=np.array([4, -1]),
        **columns,
    )


def test_rows_are_in_the_order_of_boxmot():
    rows = tracks().to_numpy()
    assert rows.tolist() == [[10, 20, 50, 100, 7, 0.5, 0, 4], [60, 20, 90, 80, 3, 0.25, 9, -1]]
    assert Tracks.empty().to_numpy().shape == (0, 8)


def test_dictionaries_are_ready_for_json():
    points = np.array([[[1, 2, 0.5]], [[np.nan, np.nan, np.nan]]], np.float32)
    first, second = tracks(keypoints=points, class_names={0: "person"}).to_dicts()
    assert first == {
        "id": 7,
        "box": [10, 20, 50, 100],
        "score": 0.5,
        "class_id": 0,
        "class": "person",
        "state": "detected",
        "detection_index": 4,
        "keypoints": [[1, 2, 0.5]],
    }
    assert second["class"] is None
    assert second["keypoints"] == [[None, None, None]]
    json.dumps([first, second], allow_nan=False)
    assert "class" not in tracks().to_dicts()[0]
    assert Tracks.empty().to_dicts() == []


def test_a_data_frame_has_a_row_for_each_track():
    frame = tracks(class_names={9: "bus"}).to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert frame["class"].isna().tolist() == [True, False]
    assert frame["class"][1] == "bus"
    assert frame.loc[0, ["id", "x0", "y1", "detection_index"]].tolist() == [7, 10, 100, 4]
    assert frame["detected"].dtype == bool
    empty = Tracks.empty().to_pandas()
    assert empty.columns.tolist() == frame.columns.tolist()
    assert len(empty) == 0


def test_supervision_has_ids_names_masks_and_data():
    masks = np.zeros((2, 4, 4), np.float32)
    masks[0, :2] = 1
    some = tracks(masks=masks, class_names={0: "person"}, data={"speed": np.array([1.0, 2.0])})
    plain, full = some.to_supervision(), some.to_supervision((120, 110))
    assert plain.mask is None
    assert full.mask.shape == (2, 110, 120)
    assert full.mask[0, 30, 20]
    assert not full.mask[0, 90, 20]
    assert plain.tracker_id.tolist() == [7, 3]
    assert plain.data["class_name"].tolist() == ["person", "9"]
    assert plain.data["speed"].tolist() == [1, 2]
    assert plain[plain.data["detected"]].tracker_id.tolist() == [7]
    assert len(Tracks.empty().to_supervision()) == 0


@pytest.mark.parametrize(
    "annotator",
    [
        sv.BoxAnnotator(),
        sv.LabelAnnotator(),
        sv.TraceAnnotator(),
        sv.MaskAnnotator(),
        sv.EllipseAnnotator(),
        sv.HeatMapAnnotator(),
    ],
    ids=lambda annotator: type(annotator).__name__,
)
def test_annotators_of_supervision_draw_tracks(annotator):
    image = np.full((110, 120, 3), 90, np.uint8)
    some = tracks(masks=np.ones((2, 4, 4), np.float32))
    for moved in (0, 3):
        given = some.to_supervision((120, 110))
        given.xyxy = given.xyxy + moved
        drawn = annotator.annotate(image.copy(), given)
    assert (drawn != image).any()
    annotator.annotate(image.copy(), Tracks.empty().to_supervision((120, 110)))


def test_lines_and_zones_of_supervision_count_tracks():
    line = sv.LineZone(sv.Point(0, 50), sv.Point(200, 50), triggering_anchors=[sv.Position.CENTER])
    zone = sv.PolygonZone(np.array([[0, 0], [55, 0], [55, 110], [0, 110]]))
    line.trigger(Tracks.empty().to_supervision())
    for shift in (-40, -20, 20, 40):
        moved = replace(tracks()[[0]], xyxy=BOXES[:1] + shift)
        line.trigger(moved.to_supervision())
    assert (line.in_count, line.out_count) in [(0, 1), (1, 0)]
    assert zone.trigger(tracks().to_supervision()).tolist() == [True, False]


@pytest.mark.parametrize(
    ("library", "method"), [("pandas", "to_pandas"), ("supervision", "to_supervision")]
)
def test_a_missing_library_is_named(library, method, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(
        UsageError, match=rf"needs {library}: pip install 'mvot-plugin\[{library}\]'"
    ):
        getattr(tracks(), f"to_{library}")()
