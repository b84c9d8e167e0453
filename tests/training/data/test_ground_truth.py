"""Filtering of a sequence's ground truth for training, and the kind of data in a folder."""

import pytest

from mvot_training.data.folders import DataKind, find_data, identify_data
from mvot_training.data.ground_truth import is_considered, is_person, read_objects


@pytest.fixture
def sequence(tmp_path):
    rows = [
        "1,1,11,21,30,40,1,1,0.9",
        "1,2,11,21,30,40,0,1,0.9",  # to be ignored
        "1,3,11,21,3.9,40,1,1,1",  # tiny
        "1,4,11,21,inf,40,1,1,1",
        "2,1,12,21,30,40,1,1,0.8",
        "2,5,50,60,20,20,1,3,1",  # a car
        "3,1,13,21,30,40,1,1,0.7",
    ]
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "gt.txt").write_text("\n".join(rows))
    return tmp_path


def test_ignored_tiny_and_infinite_boxes_are_left_out(sequence):
    rows = read_objects(sequence)
    assert rows.frame.tolist() == [0, 1, 1, 2]
    assert rows.id.tolist() == [1, 1, 5, 1]
    assert rows.xyxy[0].tolist() == [10, 20, 40, 60]
    assert rows.visibility.tolist() == pytest.approx([0.9, 0.8, 1, 0.7])
    assert is_considered(rows).all()
    assert is_person(rows).tolist() == [True, True, False, True]


def test_only_the_first_frames_are_read(sequence):
    assert read_objects(sequence, frames=2).frame.tolist() == [0, 1, 1]


def test_a_folder_is_known_by_its_files(tmp_path):
    for name in ("sequence", "coco", "photos", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "sequence" / "seqinfo.ini").touch()
    (tmp_path / "coco" / "instances.json").touch()
    (tmp_path / "photos" / "1.jpg").touch()
    (tmp_path / "tiny-imagenet.tar.gz").touch()
    (tmp_path / "other.tar.gz").touch()
    assert [(path.name, identify_data(path)) for path in find_data(tmp_path)][1:] == [
        ("coco", DataKind.ANNOTATED_PHOTOS),
        ("empty", None),
        ("photos", DataKind.PHOTOS),
        ("sequence", DataKind.SEQUENCE),
        ("tiny-imagenet.tar.gz", DataKind.TINY_IMAGENET),
    ]
