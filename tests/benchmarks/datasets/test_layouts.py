"""MOTChallenge folders, masks, and the properties of all readers."""

import cv2
import numpy as np
import pytest
from PIL import Image

from helpers.paths import DATA
from mvot_benchmarks.datasets import open_sequence
from mvot_benchmarks.datasets.masks import boxes_from_masks, list_numbered_masks
from mvot_benchmarks.metrics.ground_truth import (
    GroundTruthFrame,
    IgnoredRegions,
    apply_motchallenge_rules,
    is_scored,
    split_by_frame,
)
from mvot_benchmarks.vot import evaluate
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import InputError
from mvot_plugin.motfile import read_mot

MINI = DATA / "fixture" / "mot17-mini" / "train"
real = pytest.mark.skipif(not DATA.is_dir(), reason="real sequences are not here")


def write_images(folder, count, name="{:06d}.png", first=1):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        cv2.imwrite(str(folder / name.format(number)), np.zeros((32, 48, 3), np.uint8))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(("name", "ignored"), [("MOT17-02", []), ("MOT20-01", [2])])
def test_pedestrians_are_evaluated_and_distractors_ignored(tmp_path, name, ignored):
    folder = tmp_path / name
    write_images(folder / "img1", 2)
    write(
        folder / "gt" / "gt.txt",
        "1,1,11,6,10,20,1,1,1\n"  # a pedestrian
        "1,2,1,1,9,9,0,6,1\n"  # a bicycle: in MOT20 neither right nor wrong
        "1,3,1,1,9,9,1,3,1\n"  # a car
        "2,4,1,1,9,9,0,1,1\n"  # one that is not to be scored
        "2,5,2,1,9,9,0,8,1\n",  # a distractor
    )
    sequence = open_sequence(folder)
    ground_truth = sequence.ground_truth
    assert ground_truth.id[~ground_truth.ignored].tolist() == [1]
    assert ground_truth.xyxy[ground_truth.id == 1].tolist() == [[10, 5, 20, 25]]
    assert ground_truth.id[ground_truth.ignored].tolist() == [*ignored, 5]
    assert (sequence.name, sequence.length) == (name, 2)
    assert sequence.visible_boxes().shape == (2, 1, 4)
    assert np.isnan(sequence.visible_boxes()[1]).all()
    with sequence.open() as source:
        assert (source.name, len(list(source))) == (name, 2)
    with pytest.raises(InputError, match=r"no public detections"):
        sequence.detector()


def test_mot15_has_no_classes_and_its_detections_are_replayed(tmp_path):
    write_images(tmp_path / "img1", 1)
    write(tmp_path / "seqinfo.ini", "[Sequence]\nimDir=img1\nframeRate=14\nseqLength=1\n")
    write(tmp_path / "gt" / "gt.txt", "1,1,1,1,9,9,1,-1,-1,-1\n1,2,1,1,9,9,0,-1,-1,-1\n")
    write(tmp_path / "det" / "det.txt", "1,-1,3,3,9,9,0.5,-1,-1,-1\n")
    sequence = open_sequence(tmp_path)
    assert sequence.ground_truth.id.tolist() == [1]
    with sequence.open() as source:
        (frame,) = source
        assert source.frame_rate == 14
    assert sequence.detector()(frame).xyxy.tolist() == [[2, 2, 11, 11]]


def test_a_video_may_replace_img1(tmp_path):
    writer = cv2.VideoWriter(
        str(tmp_path / "any.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 8.0, (48, 32)
    )
    for _ in range(3):
        writer.write(np.zeros((32, 48, 3), np.uint8))
    writer.release()
    write(tmp_path / "gt" / "gt.txt", "1,1,1,1,9,9,1\n3,1,1,1,9,9,1\n")
    with open_sequence(tmp_path).open() as source:
        assert (source.frame_rate, len(list(source))) == (8, 3)


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    write_images(tmp_path / "A" / "img1", 1)
    with pytest.raises(InputError, match=r"A/gt/gt\.txt: no such file; "):
        open_sequence(tmp_path / "A")
    write(tmp_path / "B" / "gt" / "gt.txt", "1,1,1,1,9,9,1\n")
    with pytest.raises(InputError, match=r"B/img1 holds no images and .*B no video"):
        open_sequence(tmp_path / "B")
    with pytest.raises(InputError, match=r"nowhere: no such file or folder"):
        open_sequence(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"is no sequence of a known layout"):
        open_sequence(tmp_path)
    write_images(tmp_path / "B" / "img1", 1)
    write(tmp_path / "B" / "gt" / "gt.txt", "1,1,1,1,9,9,1\n2,1,x,1,9,9,1\n")
    with pytest.raises(InputError, match=r"gt\.txt, line 2: left 'x' is not a number"):
        open_sequence(tmp_path / "B")


def write_palette_image(path, indices):
    image = Image.fromarray(np.asarray(indices, np.uint8))
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette([value for index in range(256) for value in (index, 255 - index, 7)])
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def write_davis(root, number=2):
    frames = root / "JPEGImages" / "480p" / "twins"
    write_images(frames, number, "{:05d}.jpg", first=0)
    masks = root / "Annotations" / "480p" / "twins"
    first = np.zeros((32, 48))
    first[4:10, 20:25] = 1
    first[12:13, 3:48] = 2
    first[0, 0] = 255
    write_palette_image(masks / "00000.png", first)
    write_palette_image(masks / "00001.png", np.where(first == 2, 2, 0))
    return frames, masks


def test_boxes_enclose_the_masks_of_davis(tmp_path):
    frames, masks = write_davis(tmp_path)
    sequence = open_sequence(frames)
    assert sequence.ground_truth.frame.tolist() == [0, 0, 1]
    assert sequence.ground_truth.id.tolist() == [1, 2, 2]
    assert sequence.ground_truth.xyxy.tolist() == [
        [20, 4, 25, 10],
        [3, 12, 48, 13],
        [3, 12, 48, 13],
    ]
    with sequence.open() as source:
        assert (source.name, source.frame_rate, len(list(source))) == ("twins", 24, 2)
    (masks / "00001.png").rename(masks / "00007.png")
    with pytest.raises(InputError, match=r"00007\.png has no image of its name"):
        open_sequence(frames)
    (masks / "00007.png").write_bytes(b"no mask")
    write_images(frames, 1, "{:05d}.jpg", first=7)
    with pytest.raises(InputError, match=r"00007\.png cannot be read as a mask"):
        open_sequence(frames)
    for mask in masks.iterdir():
        mask.unlink()
    with pytest.raises(InputError, match=r"Annotations/480p/twins holds no masks"):
        open_sequence(frames)


def test_masks_may_replace_the_ground_truth_of_a_mot_sequence(tmp_path):
    write_images(tmp_path / "img1", 2)
    mask = np.zeros((32, 48), np.uint8)
    mask[5:9, 7:11] = 255
    (tmp_path / "mask").mkdir()
    cv2.imwrite(str(tmp_path / "mask" / "000002.png"), mask)
    ground_truth = open_sequence(tmp_path).ground_truth
    assert (ground_truth.frame.tolist(), ground_truth.id.tolist()) == ([1], [1])
    assert ground_truth.xyxy.tolist() == [[7, 5, 11, 9]]
    (tmp_path / "mask" / "000002.png").rename(tmp_path / "mask" / "x.png")
    with pytest.raises(InputError, match=r"x\.png: the name must be the number of a frame"):
        open_sequence(tmp_path)


REGION = [0, 0, 20, 20]


def scored(boxes, ground_truth=(), ignored=(), regions=(REGION,)):
    frame = GroundTruthFrame(
        id=np.arange(len(ground_truth)),
        xyxy=np.array(ground_truth, np.float32).reshape(-1, 4),
        ignored=np.array(ignored, np.bool_).reshape(-1),
        regions=np.array(regions, np.float32).reshape(-1, 4),
    )
    return is_scored(frame, np.array(boxes, np.float32).reshape(-1, 4)).tolist()


def test_a_box_with_half_of_its_area_in_a_region_is_ignored():
    half, less, outside = [10, 0, 30, 20], [11, 0, 31, 20], [30, 30, 40, 40]
    assert scored([half, less, outside]) == [False, True, True]
    assert scored([half], regions=()) == [True]
    assert scored([]) == []


def test_a_box_that_matches_an_object_is_scored_even_inside_a_region():
    assert scored([[0, 0, 10, 10]], ground_truth=[[0, 0, 10, 9]], ignored=[False]) == [True]
    assert scored([[0, 0, 10, 10]], ground_truth=[[0, 0, 10, 9]], ignored=[True]) == [False]
    far = [50, 50, 60, 60]
    assert scored([far, far], ground_truth=[far], ignored=[True], regions=()) in (
        [False, True],
        [True, False],
    )


def test_the_parts_of_a_box_in_two_regions_are_not_added_up():
    assert scored([[16, 0, 26, 10]], regions=[REGION, [22, 0, 40, 40]]) == [True]


@real
@pytest.mark.parametrize(("name", "count", "ignored"), [("02", 88, 48), ("04", 336, 32)])
def test_mot17_has_the_rows_that_its_files_have(name, count, ignored):
    folder = MINI / f"MOT17-{name}-FRCNN"
    sequence = open_sequence(folder)
    assert (~sequence.ground_truth.ignored).sum() == count
    assert sequence.ground_truth.ignored.sum() == ignored
    assert set(sequence.ground_truth.class_id[sequence.ground_truth.ignored]) <= {2, 7, 8, 12}
    rows = apply_motchallenge_rules(read_mot(folder / "gt" / "gt.txt"))
    frames = list(split_by_frame(rows, IgnoredRegions.empty(), sequence.length))
    for mine, theirs in zip(sequence.ground_truth_frames(), frames, strict=True):
        assert np.array_equal(mine.xyxy, theirs.xyxy)
        assert np.array_equal(mine.ignored, theirs.ignored)
    assert sequence.detector().frames >= 4


@real
@pytest.mark.parametrize(
    ("name", "rows", "length", "objects"),
    [
        ("val/PETS09-S2L1", 4650, 795, 19),
        ("val/TUD-Campus", 359, 71, 8),
        ("train/ETH-Sunnyday", 1858, 354, 30),
        ("train/LaSOT_airplane-1", 697, 697, 1),
    ],
)
def test_real_sequences_have_the_rows_of_their_descriptions(name, rows, length, objects):
    sequence = open_sequence(DATA / name)
    assert (len(sequence.ground_truth), sequence.length) == (rows, length)
    assert sequence.visible_boxes().shape == (length, objects, 4)


@real
@pytest.mark.parametrize("name", ["DAVIS_goat", "DAVIS_bmx-trees"])
def test_masks_give_the_boxes_of_the_ground_truth_made_from_them(name):
    folder = DATA / "train" / name
    ground_truth, masks = (
        open_sequence(folder).ground_truth,
        boxes_from_masks(list_numbered_masks(folder / "mask")),
    )
    assert np.array_equal(ground_truth.frame, masks.frame)
    # that gt counts its pixels from 0, other than MOT files do
    assert np.array_equal(ground_truth.xyxy + 1, masks.xyxy)


def test_only_frames_that_exist_are_scored(tmp_path):
    write_images(tmp_path / "img1", 3)
    rows = [f"{frame},1,{3 * frame},1,9,9,1" for frame in range(1, 8)]
    write(tmp_path / "gt" / "gt.txt", "\n".join(rows))
    assert evaluate(load_engine("hold"), tmp_path).frames == 3
