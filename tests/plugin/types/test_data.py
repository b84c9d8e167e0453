"""Columns of any kind follow their detections and tracks."""

import numpy as np
import pytest
import torch

from mvot_plugin.rows import Rows
from mvot_plugin.types import Detections, Tracks

BOXES = np.array([[0, 0, 10, 20], [5, 5, 30, 40], [1, 2, 3, 4]], np.float32)


def found(count=3, **columns):
    return Detections.of(BOXES[:count], **columns)


def test_data_follows_its_rows():
    some = found(data={"speed": [1.0, 2.0, 3.0], "name": ["a", "b", "c"], "any": [{}, (), None]})
    chosen = some[np.array([2, 0])]
    assert chosen.data["speed"].tolist() == [3, 1]
    assert chosen.data["name"].tolist() == ["c", "a"]
    assert chosen.data["any"].tolist() == [None, {}]


@pytest.mark.parametrize("values", [[[1, 2], [3], []], [None, "x", 3]])
def test_values_of_any_kind_are_a_column_of_objects(values):
    column = found(data={"any": values}).data["any"]
    assert column.shape == (3,)
    assert column.dtype == object
    assert list(column) == values


def test_tensors_become_arrays():
    data = {"half": torch.ones(3, 2, dtype=torch.bfloat16), "whole": torch.arange(3)}
    columns = found(data=data).data
    assert columns["half"].dtype == np.float32
    assert columns["whole"].tolist() == [0, 1, 2]


def test_data_of_another_length_is_refused():
    with pytest.raises(ValueError, match="differ in length"):
        found(data={"speed": [1.0, 2.0]})


def test_class_names_are_shared_by_all_rows():
    some = found(class_names={0: "person"})
    assert some[[0, 1]].class_names == {0: "person"}
    assert Rows.cat([found(0), some]).class_names == {0: "person"}
    assert len(some[[]]) == 0


def test_concatenation_keeps_the_data_that_all_have():
    one = found(data={"speed": [1, 2, 3], "colour": ["r", "g", "b"]})
    two = found(2, data={"speed": [4, 5]})
    both = Rows.cat([one, found(0), two])
    assert both.data["speed"].tolist() == [1, 2, 3, 4, 5]
    assert list(both.data) == ["speed"]


def test_tracks_without_detections_have_no_index():
    one = np.ones(2, np.int64)
    tracks = Tracks(
        id=one, xyxy=BOXES[:2], score=np.ones(2, np.float32), class_id=one, detected=one > 0
    )
    assert tracks.detection_index.tolist() == [-1, -1]
    assert tracks[[0]].detection_index.tolist() == [-1]
    assert Tracks.empty().detection_index.shape == (0,)
