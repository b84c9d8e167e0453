"""`mvot-train detector`: its data set, its files and its messages."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers.training.data import (
    FRAMES,
    LEFT,
    RED,
    RIGHT,
    box_at,
    grey_noise,
    write_annotated_video,
)
from mvot_plugin.detectors import OnnxDetector, UltralyticsDetector
from mvot_plugin.errors import InputError
from mvot_plugin.types import Detections, Frame
from mvot_training.cli import main
from mvot_training.detector import dataset
from mvot_training.detector.config import DetectorTrainingConfig, LabelConfig
from mvot_training.detector.dataset import prepare_dataset
from mvot_training.detector.images import find_image_folders
from mvot_training.detector.pseudo_labels import CLASSES

PERSON, DOG = CLASSES.index("person"), CLASSES.index("dog")
EVERYTHING = LabelConfig(frame_step=1, annotated_frame_step=1, empty_step=1, held_out=("held",))


class Labeler(UltralyticsDetector):
    """Finds the red and the blue rectangle of the data, by colour: a dog and a bicycle."""

    names = {3: "dog", 4: "bicycle"}  # noqa: RUF012
    calls = 0

    def __init__(self, path, conf):
        self.offset = 2 * (Path(path).stem == "b")

    def __call__(self, frame):
        type(self).calls += 1
        boxes, kinds = [], []
        for channel, kind in ((2, 3), (0, 4)):
            mask = frame.image[..., channel] > 190
            if mask.sum() > 50:
                y, x = np.nonzero(mask)
                boxes.append([x.min(), y.min() + self.offset, x.max() + 1, y.max() + 1])
                kinds.append(kind)
        return Detections.of(boxes, 0.8, np.array(kinds, int))


@pytest.fixture
def data(tmp_path):
    """A sequence with all its objects, two with one object, photos and annotated photos."""
    write_annotated_video(tmp_path / "data" / "pair", masked=False)
    for name in ("single", "held"):
        write_annotated_video(tmp_path / "data" / name, masked=True)
    photos = tmp_path / "data" / "photos"
    photos.mkdir()
    for number in range(9):
        image = grey_noise(np.random.default_rng(number))
        cv2.rectangle(image, (100, 80), (159, 139), RED, -1)
        cv2.imwrite(str(photos / f"p{number}.jpg"), image)
    coco = tmp_path / "data" / "coco"
    (coco / "images").mkdir(parents=True)
    cv2.imwrite(str(coco / "images" / "1.png"), grey_noise(np.random.default_rng(1), (800, 400)))
    boxes = [(1, [80, 40, 160, 80], 0), (2, [0, 0, 400, 400], 0), (1, [600, 0, 100, 100], 1)]
    index = {
        "images": [{"id": 5, "file_name": "1.png"}],
        "categories": [{"id": 1, "name": "cow"}, {"id": 2, "name": "kite"}],
        "annotations": [
            {"image_id": 5, "category_id": k, "bbox": box, "iscrowd": crowd}
            for k, box, crowd in boxes
        ],
    }
    (coco / "instances.json").write_text(json.dumps(index))
    return tmp_path / "data"


@pytest.fixture
def labelers(tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "UltralyticsDetector", Labeler)
    monkeypatch.setattr(Labeler, "calls", 0)
    files = [tmp_path / f"{name}.onnx" for name in "ab"]
    for file in files:
        file.touch()
    return files


def read_label_rows(folder, split, name):
    text = (folder / "labels" / split / f"{name}.txt").read_text()
    return [[float(part) for part in line.split()] for line in text.splitlines()]


def test_the_data_set_holds_ground_truth_and_what_labelers_agree_on(data, labelers, tmp_path):
    config = DetectorTrainingConfig(labels=EVERYTHING)
    folder = tmp_path / "out"
    summary = prepare_dataset(config, [data], labelers, folder)
    assert summary["images"] == {
        "train coco": 1,
        "train pair": FRAMES,
        "train photos": 8,
        "train single": FRAMES,
        "val held": FRAMES,
        "val photos": 1,
    }
    # people from ground truth, and what both labelers find there: other classes
    rows = read_label_rows(folder, "train", "pair-000003")
    x, y, w, h = box_at(LEFT, 2)
    people = [row for row in rows if row[0] == PERSON]
    assert len(people) == 2
    assert people[0][1:] == pytest.approx(
        [(x + w / 2) / 400, (y + h / 2) / 240, w / 400, h / 240], abs=1e-6
    )
    assert {row[0] for row in rows} == {PERSON, DOG, CLASSES.index("bicycle")}
    # labelers alone, the mean of two boxes that differ by 2 pixels at the top
    (row,) = read_label_rows(folder, "val", "held-000001")
    x, y, w, h = LEFT
    assert row == pytest.approx(
        [DOG, (x + w / 2) / 400, (y + 0.5 + h / 2) / 240, w / 400, (h - 1) / 240], abs=1e-3
    )
    # COCO's objects, the crowd painted over, at most 640 pixels
    (cow,) = read_label_rows(folder, "train", "coco-1")
    assert cow == pytest.approx([CLASSES.index("cow"), 0.2, 0.2, 0.2, 0.2])
    image = cv2.imread(str(folder / "images" / "train" / "coco-1.jpg"))
    assert image.shape == (320, 640, 3)
    assert np.abs(image[10:70, 490:550].astype(int) - 114).max() <= 2


def test_labelling_resumes_where_it_was_interrupted(data, labelers, tmp_path, monkeypatch):
    config, folder = DetectorTrainingConfig(labels=EVERYTHING), tmp_path / "out"

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(dataset, "_write_images", interrupt)
        with pytest.raises(KeyboardInterrupt):
            prepare_dataset(config, [data], labelers, folder)
    calls = Labeler.calls
    first = prepare_dataset(config, [data], labelers, folder)
    again = prepare_dataset(config, [data], labelers, folder)
    assert Labeler.calls == calls == 2 * (3 * FRAMES + 9 + 1)
    assert again == first
    other = DetectorTrainingConfig(labels=replace(EVERYTHING, frame_step=2))
    with pytest.raises(InputError, match="made from other data, labelers or settings; remove it"):
        prepare_dataset(other, [data], labelers, folder)


def test_ground_truth_alone_is_enough_and_no_labels_are_an_error(data, tmp_path):
    config = DetectorTrainingConfig(labels=EVERYTHING)
    summary = prepare_dataset(config, [data], [], tmp_path / "out")
    assert summary["images"] == {"train coco": 1, "train pair": FRAMES}
    assert summary["boxes"] == {"train person": 2 * FRAMES, "train cow": 1}
    x, y, w, h = box_at(RIGHT, 0)
    assert read_label_rows(tmp_path / "out", "train", "pair-000001")[1] == pytest.approx(
        [PERSON, (x + w / 2) / 400, (y + h / 2) / 240, w / 400, h / 240], abs=1e-6
    )
    with pytest.raises(InputError, match=r"no ground truth of people .* no --labelers"):
        prepare_dataset(config, [data / "photos"], [], tmp_path / "none")


def test_folders_are_found_once(data, tmp_path):
    names = ["coco", "held", "pair", "photos", "single"]
    assert [p.name for p in find_image_folders([data, data / "coco"])] == names
    with pytest.raises(InputError, match="is not a folder"):
        find_image_folders([tmp_path / "nowhere"])
    write_annotated_video(tmp_path / "more" / "pair", masked=True)
    with pytest.raises(InputError, match="two folders are named 'pair'"):
        find_image_folders([data, tmp_path / "more"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--labelers", "a.onnx"], "--labelers needs two detectors or more"),
        (["--labelers", "a.onnx", "b.onnx"], "--labelers a.onnx: there is no such file"),
        (
            ["--config", "bad.yaml"],
            "unknown setting 'labels.frame_stp': did you mean 'labels.frame_step'?",
        ),
        (["--config", "none.yaml"], "setting 'labels.frame_step' must be 1 or more, got 0"),
        (["--hours", "0"], "--hours must be more than 0"),
        (["--device", "quantum"], "device 'quantum' cannot be used"),
        (
            ["--config", "odd.yaml"],
            "'yolo99q.yaml' is not a YAML of the installed ultralytics",
        ),
        ([], "no ground truth of people"),
    ],
)
def test_an_error_is_one_sentence(arguments, message, data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text("labels:\n  frame_stp: 3\n")
    Path("none.yaml").write_text("labels:\n  frame_step: 0\n")
    Path("odd.yaml").write_text("model: yolo99q.yaml\n")
    assert main(["detector", "--data", str(data / "single"), *arguments]) in (1, 2)
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.filterwarnings("ignore::mvot_plugin.errors.ExecutableModel")
def test_mvot_train_detector_saves_a_detector_and_resumes(
    data, labelers, tmp_path, capfd, monkeypatch
):
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path / "config"))
    settings = tmp_path / "some.yaml"
    settings.write_text("labels:\n  held_out: [held]\n")
    folder = tmp_path / "run"
    arguments = ["detector", "--data", str(data), "--labelers", *map(str, labelers)]
    arguments += ["--output", str(folder), "--config", str(settings), "--device", "cpu", "--smoke"]
    assert main([*arguments, "--hours", "1e-9"]) == 0  # one batch, then time is up
    out, err = capfd.readouterr()
    assert "epoch 1/2 (cut short): loss " in out
    assert main(arguments) == 0
    out, err = capfd.readouterr()
    assert "epoch 2/2: loss " in out
    assert "epoch 1/2" not in out
    assert f"saved {folder / 'detector-n.pt'}" in out
    assert not any(
        word in out + err for word in ("Ultralytics", "http", "WARN", "Caching", "Scan", "🚀")
    )
    record = json.loads((folder / "detector-n.json").read_text())
    assert record["licence"].startswith("AGPL-3.0")
    assert record["epoch"] in (1, 2)
    weights, graph = ((folder / f"detector-n.{kind}").read_bytes() for kind in ("pt", "onnx"))
    assert str(tmp_path).encode() not in weights + graph
    assert max(len(weights), len(graph)) < 6e6
    assert record["sha256"] == hashlib.sha256(graph).hexdigest()
    assert record["checkpoint_sha256"] == hashlib.sha256(weights).hexdigest()
    assert main(arguments) == 0  # finished: nothing is trained any more
    assert "epoch" not in capfd.readouterr().out
    frame = Frame(image=grey_noise(np.random.default_rng(0)), index=0, timestamp=0.0)
    found = []
    for kind, load in (("pt", UltralyticsDetector), ("onnx", OnnxDetector)):
        detector = load(str(folder / f"detector-n.{kind}"), conf=0.0, iou=1.0)  # no duplicates go
        assert tuple(detector.names.values()) == CLASSES
        found.append(np.sort(detector(frame).confidence))
    assert found[0][-5:] == pytest.approx(found[1][-5:], rel=0.02)
