"""`mvot-train detector`: what it learns from, what it leaves, and what it says."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mvot_pipelines.training import detector_data
from mvot_pipelines.training.cli import main
from mvot_pipelines.training.detector_data import prepare
from mvot_pipelines.training.detector_settings import DetectorConfig, LabelConfig
from mvot_pipelines.training.detector_sources import places
from mvot_pipelines.training.labelling import CLASSES
from mvot_plugin.detectors import UltralyticsDetector, load_detector
from mvot_plugin.errors import InputError
from mvot_plugin.types import Detections, Frame
from training_material import FRAMES, LEFT, RED, RIGHT, grey_noise, moved, write_clip

PERSON, DOG = CLASSES.index("person"), CLASSES.index("dog")
EVERYTHING = LabelConfig(every=1, every_known=1, keep_empty=1, held_out=("held",))


class Labeler(UltralyticsDetector):
    """Finds the red and the blue rectangle of the material, by colour: a dog and a bicycle."""

    names = {3: "dog", 4: "bicycle"}  # noqa: RUF012
    calls = 0

    def __init__(self, path, conf):
        self.trembling = 2 * (Path(path).stem == "b")

    def __call__(self, frame):
        type(self).calls += 1
        boxes, kinds = [], []
        for channel, kind in ((2, 3), (0, 4)):
            mask = frame.image[..., channel] > 190
            if mask.sum() > 50:
                y, x = np.nonzero(mask)
                boxes.append([x.min(), y.min() + self.trembling, x.max() + 1, y.max() + 1])
                kinds.append(kind)
        return Detections.of(boxes, 0.8, np.array(kinds, int))


@pytest.fixture
def material(tmp_path):
    """A sequence with all its objects, two with one object, photos and annotated photos."""
    write_clip(tmp_path / "data" / "pair", masked=False)
    for name in ("single", "held"):
        write_clip(tmp_path / "data" / name, masked=True)
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
    monkeypatch.setattr(detector_data, "UltralyticsDetector", Labeler)
    monkeypatch.setattr(Labeler, "calls", 0)
    files = [tmp_path / f"{name}.onnx" for name in "ab"]
    for file in files:
        file.touch()
    return files


def lines_of(folder, split, name):
    text = (folder / "labels" / split / f"{name}.txt").read_text()
    return [[float(part) for part in line.split()] for line in text.splitlines()]


def test_the_data_set_holds_truth_and_what_labelers_agree_on(material, labelers, tmp_path):
    config = DetectorConfig(labels=EVERYTHING)
    folder = tmp_path / "out"
    made = prepare(config, [material], labelers, folder)
    assert made["images"] == {
        "train coco": 1,
        "train pair": FRAMES,
        "train photos": 8,
        "train single": FRAMES,
        "val held": FRAMES,
        "val photos": 1,
    }
    # people by the ground truth of many, beside what both labelers find: another class
    rows = lines_of(folder, "train", "pair-000003")
    x, y, w, h = moved(LEFT, 2)
    people = [row for row in rows if row[0] == PERSON]
    assert len(people) == 2
    assert people[0][1:] == pytest.approx(
        [(x + w / 2) / 400, (y + h / 2) / 240, w / 400, h / 240], abs=1e-6
    )
    assert {row[0] for row in rows} == {PERSON, DOG, CLASSES.index("bicycle")}
    # labels alone, the mean of two boxes: 2 pixels apart at the top
    (row,) = lines_of(folder, "val", "held-000001")
    x, y, w, h = LEFT
    assert row == pytest.approx(
        [DOG, (x + w / 2) / 400, (y + 0.5 + h / 2) / 240, w / 400, (h - 1) / 240], abs=1e-3
    )
    # COCO's objects, the crowd painted over, at most 640 pixels
    (cow,) = lines_of(folder, "train", "coco-1")
    assert cow == pytest.approx([CLASSES.index("cow"), 0.2, 0.2, 0.2, 0.2])
    image = cv2.imread(str(folder / "images" / "train" / "coco-1.jpg"))
    assert image.shape == (320, 640, 3)
    assert np.abs(image[10:70, 490:550].astype(int) - 114).max() <= 2


def test_labelling_goes_on_where_it_was_broken_off(material, labelers, tmp_path, monkeypatch):
    config, folder = DetectorConfig(labels=EVERYTHING), tmp_path / "out"

    def broken(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(detector_data, "_write", broken)
        with pytest.raises(KeyboardInterrupt):
            prepare(config, [material], labelers, folder)
    asked = Labeler.calls
    first = prepare(config, [material], labelers, folder)
    again = prepare(config, [material], labelers, folder)
    assert Labeler.calls == asked == 2 * (3 * FRAMES + 9 + 1)
    assert again == first
    other = DetectorConfig(labels=replace(EVERYTHING, every=2))
    with pytest.raises(InputError, match="made from other data, labelers or settings; remove it"):
        prepare(other, [material], labelers, folder)


def test_truth_alone_is_enough_and_nothing_is_not(material, tmp_path):
    config = DetectorConfig(labels=EVERYTHING)
    made = prepare(config, [material], [], tmp_path / "out")
    assert made["images"] == {"train coco": 1, "train pair": FRAMES}
    assert made["boxes"] == {"train person": 2 * FRAMES, "train cow": 1}
    x, y, w, h = moved(RIGHT, 0)
    assert lines_of(tmp_path / "out", "train", "pair-000001")[1] == pytest.approx(
        [PERSON, (x + w / 2) / 400, (y + h / 2) / 240, w / 400, h / 240], abs=1e-6
    )
    with pytest.raises(InputError, match=r"no ground truth of people .* no --labelers"):
        prepare(config, [material / "photos"], [], tmp_path / "none")


def test_folders_are_found_once(material, tmp_path):
    names = ["coco", "held", "pair", "photos", "single"]
    assert [p.name for p in places([material, material / "coco"])] == names
    with pytest.raises(InputError, match="is no folder"):
        places([tmp_path / "nowhere"])
    write_clip(tmp_path / "more" / "pair", masked=True)
    with pytest.raises(InputError, match="two folders are named 'pair'"):
        places([material, tmp_path / "more"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--labelers", "a.onnx"], "--labelers needs two detectors or more"),
        (["--labelers", "a.onnx", "b.onnx"], "--labelers a.onnx: there is no such file"),
        (["--config", "bad.yaml"], "unknown setting 'labels.evry': did you mean 'labels.every'?"),
        (["--config", "none.yaml"], "labels.every must be 1 or more, got 0"),
        (["--hours", "0"], "--hours must be more than 0"),
        (["--device", "quantum"], "device 'quantum' cannot be used"),
        (["--config", "odd.yaml"], "model 'yolo99q.yaml' is no YAML of the installed ultralytics"),
        ([], "no ground truth of people"),
    ],
)
def test_what_is_wrong_is_one_sentence(arguments, said, material, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text("labels:\n  evry: 3\n")
    Path("none.yaml").write_text("labels:\n  every: 0\n")
    Path("odd.yaml").write_text("model: yolo99q.yaml\n")
    assert main(["detector", "--data", str(material / "single"), *arguments]) in (1, 2)
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_mvot_train_detector_leaves_a_detector_and_goes_on(
    material, labelers, tmp_path, capfd, monkeypatch
):
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path / "config"))
    settings = tmp_path / "some.yaml"
    settings.write_text("labels:\n  held_out: [held]\n")
    folder = tmp_path / "run"
    arguments = ["detector", "--data", str(material), "--labelers", *map(str, labelers)]
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
    weights = (folder / "detector-n.pt").read_bytes()
    assert str(tmp_path).encode() not in weights
    assert len(weights) < 6e6
    assert main(arguments) == 0  # finished: nothing is learnt any more
    assert "epoch" not in capfd.readouterr().out
    detector = load_detector(str(folder / "detector-n.pt"), device="cpu")
    assert tuple(detector.names.values()) == CLASSES
    detector(Frame(image=np.zeros((48, 64, 3), np.uint8), index=0, timestamp=0.0))
