"""VisDrone, UAVDT and the folders of one object, in small files of their formats."""

import cv2
import numpy as np
import pytest

from mvot_benchmarks.cli import main
from mvot_benchmarks.datasets import open_sequence
from mvot_benchmarks.vot import evaluate, read_vot_sequence
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import InputError


def write_images(folder, count, name):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        cv2.imwrite(str(folder / name.format(number)), np.zeros((32, 48, 3), np.uint8))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def visdrone(tmp_path):
    path = tmp_path / "sequences" / "uav0001"
    write_images(path, 2, "{:07d}.jpg")
    write(
        tmp_path / "annotations" / "uav0001.txt",
        "1,0,30,0,10,10,0,0,0,0\n"  # an ignored region
        "2,9,0,20,10,10,1,11,0,0\n"  # others: the same
        "1,1,0,0,8,9,1,4,0,1\n"  # a car
        "1,2,2,3,8,9,0,1,0,0\n"  # a pedestrian that is not considered
        "1,3,4,5,8,9,1,10,1,0\n"  # a motor, which the challenge leaves out
        "1,4,32,1,8,9,1,9,0,2\n"  # a bus within the region
        "2,1,1,0,8,9,1,4,0,1\n"
        "2,4,32,1,8,9,1,9,0,2\n",  # the bus, where there is no region any more
    )
    return path


def test_visdrone_has_classes_and_ignored_objects_and_regions(visdrone):
    sequence = open_sequence(visdrone)
    ground_truth = sequence.ground_truth
    assert ground_truth.frame.tolist() == [0, 0, 0, 0, 1, 1]
    assert ground_truth.id.tolist() == [1, 2, 3, 4, 1, 4]
    assert ground_truth.class_id.tolist() == [4, 1, 10, 9, 4, 9]
    assert ground_truth.ignored.tolist() == [False, True, True, True, False, False]
    assert ground_truth.xyxy[0].tolist() == [0, 0, 8, 9]
    first, second = sequence.ground_truth_frames()
    assert first.regions.tolist() == [[30, 0, 40, 10]]
    assert second.regions.tolist() == [[0, 20, 10, 30]]
    with sequence.open() as source:
        assert (source.name, source.frame_rate, len(list(source))) == ("uav0001", 30, 2)
    score = evaluate(load_engine("hold"), visdrone)
    assert (score.frames, score.followed) == (3, 1)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("1,1,0,0,8,9,1,4,0", "line 2: 9 columns instead of 10"),
        ("1,1,0,0,x,9,1,4,0,0", "line 2: width 'x' is not a number"),
        ("1,1,0,,8,9,1,4,0,0", "line 2: top '' is not a number"),
        ("1,1.5,0,0,8,9,1,4,0,0", "line 2: id '1.5' is not a whole number"),
        ("1,1,0,0,8,9,1,nan,0,0", "line 2: category 'nan' is not a whole number"),
        ("0,1,0,0,8,9,1,4,0,0", "line 2: frames count from 1"),
    ],
)
def test_a_bad_row_is_an_error_that_names_the_expected_columns(visdrone, row, fault):
    path = visdrone.parents[1] / "annotations" / "uav0001.txt"
    path.write_text(f"1,1,0,0,8,9,1,4,0,0\n{row}\n")
    with pytest.raises(InputError, match=rf"uav0001\.txt, {fault}.*; expected rows of frame,id,"):
        open_sequence(visdrone)


def test_missing_annotations_of_drone_videos_are_errors_that_name_them(visdrone, tmp_path, capsys):
    path = visdrone.parents[1] / "annotations" / "uav0001.txt"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match=r"uav0001\.txt is not a text file"):
        open_sequence(visdrone)
    path.unlink()
    assert main(["vot", str(visdrone), "--engine", "hold"]) == 1
    assert "annotations/uav0001.txt: no such file" in capsys.readouterr().err
    path.mkdir()
    with pytest.raises(InputError, match=r"uav0001\.txt cannot be read"):
        open_sequence(visdrone)
    write_images(tmp_path / "UAV-benchmark-M" / "M0101", 1, "img{:06d}.jpg")
    with pytest.raises(InputError, match=r"M0101: there is no GT/M0101_gt_whole\.txt"):
        open_sequence(tmp_path / "UAV-benchmark-M" / "M0101")


@pytest.mark.parametrize("archive", [".", "UAV-benchmark-MOTD_v1.0"])
def test_uavdt_has_vehicles_and_a_file_of_ignored_regions(tmp_path, archive):
    path = tmp_path / "UAV-benchmark-M" / "M0101"
    write_images(path, 2, "img{:06d}.jpg")
    annotation = write(
        tmp_path / archive / "GT" / "M0101_gt_whole.txt",
        "1,1,5,6,10,11,1,1,1\n2,1,6,6,10,11,1,2,1\n2,2,30,20,8,8,1,1,3\n",
    )
    with pytest.raises(InputError, match=r"M0101_gt_ignore\.txt: no such file"):
        open_sequence(path)
    write(annotation.with_name("M0101_gt_ignore.txt"), "2,-1,28,18,10,10,-1,-1,-1\n")
    sequence = open_sequence(path)
    assert sequence.ground_truth.class_id.tolist() == [1, 1, 3]
    assert sequence.ground_truth.ignored.tolist() == [False, False, True]
    assert sequence.ground_truth.xyxy[0].tolist() == [5, 6, 15, 17]
    assert (sequence.regions.frame.tolist(), sequence.name) == ([1], "M0101")
    with sequence.open() as source:
        assert len(list(source)) == 2


ROWS = [(11, 6, 10, 12), (12, 6, 10, 12), (13, 7, 10, 12)]


@pytest.mark.parametrize("separator", [",", "\t", " ", ", "])
def test_otb_columns_may_have_any_separator(tmp_path, separator):
    write_images(tmp_path / "img", 3, "{:04d}.jpg")
    text = "".join(separator.join(map(str, row)) + "\n" for row in ROWS)
    write(tmp_path / "groundtruth_rect.txt", text)
    sequence = open_sequence(tmp_path)
    assert sequence.ground_truth.frame.tolist() == [0, 1, 2]
    assert sequence.ground_truth.xyxy[0].tolist() == [10, 5, 20, 17]
    vot_sequence = read_vot_sequence(tmp_path, limit=2)
    assert (len(vot_sequence.frames), vot_sequence.ground_truth.shape) == (2, (2, 1, 4))
    assert vot_sequence.frames[1].timestamp == pytest.approx(1 / 30)


def test_otb_has_a_file_for_each_object_and_boxes_that_mark_its_absence(tmp_path):
    write_images(tmp_path / "img", 3, "{:04d}.jpg")
    write(tmp_path / "groundtruth_rect.1.txt", "1,1,5,5\n0,0,0,0\nNaN,NaN,NaN,NaN\n")
    write(tmp_path / "groundtruth_rect.2.txt", "2,2,5,5\n2,2,5,5\n2,2,5,5\n")
    sequence = open_sequence(tmp_path)
    assert sequence.ground_truth.id.tolist() == [1, 2, 2, 2]
    assert sequence.ground_truth.frame.tolist() == [0, 0, 1, 2]
    assert sequence.visible_boxes().shape == (3, 2, 4)
    (tmp_path / "img" / "0003.jpg").unlink()
    with pytest.raises(InputError, match=r"img holds 2 images and .* annotated on 3 frames"):
        open_sequence(tmp_path)
    write(tmp_path / "groundtruth_rect.1.txt", "1,1,5,5\n1,1,5\n")
    with pytest.raises(InputError, match=r"line 2: 3 columns instead of 4; .*left,top,width"):
        open_sequence(tmp_path)


def test_the_annotation_of_otbs_david_starts_on_frame_300(tmp_path):
    write_images(tmp_path / "David" / "img", 302, "{:04d}.jpg")
    write(tmp_path / "David" / "groundtruth_rect.txt", "1,1,5,5\n2,1,5,5\n")
    assert open_sequence(tmp_path / "David").ground_truth.frame.tolist() == [299, 300]


def test_lasot_has_no_object_where_it_is_hidden_or_out_of_view(tmp_path):
    write_images(tmp_path / "img", 4, "{:08d}.jpg")
    write(tmp_path / "groundtruth.txt", "11,6,10,12\n12,6,10,12\n13,7,10,12\n0,0,0,0\n")
    with pytest.raises(InputError, match=r"full_occlusion\.txt: no such file"):
        open_sequence(tmp_path)
    write(tmp_path / "full_occlusion.txt", "0,1,0,0")
    write(tmp_path / "out_of_view.txt", "0,0,0,1")
    sequence = open_sequence(tmp_path)
    assert sequence.ground_truth.frame.tolist() == [0, 2]
    assert sequence.ground_truth.xyxy[0].tolist() == [10, 5, 20, 17]
    write(tmp_path / "out_of_view.txt", "0,0,0")
    with pytest.raises(InputError, match=r"out_of_view\.txt has 3 values for the 4 rows"):
        open_sequence(tmp_path)
    write(tmp_path / "out_of_view.txt", "0,0,2,0")
    with pytest.raises(InputError, match=r"line 1: '2' is neither 0 nor 1"):
        open_sequence(tmp_path)


def test_got10k_has_its_images_next_to_the_annotation(tmp_path):
    write_images(tmp_path, 3, "{:08d}.jpg")
    write(tmp_path / "groundtruth.txt", "11.0,6.0,10.5,12.0\n12,6,10,12\n13,7,10,12\n")
    write(tmp_path / "absence.label", "0\n1\n0\n")
    sequence = open_sequence(tmp_path)
    assert sequence.ground_truth.frame.tolist() == [0, 2]
    assert sequence.ground_truth.xyxy[0].tolist() == [10, 5, 20.5, 17]
    with sequence.open() as source:
        assert (source.frame_rate, len(list(source))) == (10, 3)
    (tmp_path / "absence.label").unlink()
    with pytest.raises(InputError, match=r"absence\.label: no such file"):
        open_sequence(tmp_path)


def test_a_video_may_replace_the_images_of_one_object(tmp_path):
    writer = cv2.VideoWriter(
        str(tmp_path / "any.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 12.0, (48, 32)
    )
    for _ in range(3):
        writer.write(np.zeros((32, 48, 3), np.uint8))
    writer.release()
    write(tmp_path / "groundtruth_rect.txt", "11,6,10,12\n" * 3)
    with open_sequence(tmp_path).open() as source:
        assert (source.frame_rate, len(list(source))) == (12, 3)
    (tmp_path / "any.avi").unlink()
    with pytest.raises(InputError, match=r"img holds no images and .* no video"):
        open_sequence(tmp_path)
