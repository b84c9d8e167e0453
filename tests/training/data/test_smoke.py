"""The data of ``--smoke`` runs: complete, the same each time, and readable by every stage."""

import json

import numpy as np
import pytest

from mvot_plugin.motfile import read_ground_truth
from mvot_training.backbone.images import read_distillation_images
from mvot_training.data import smoke
from mvot_training.data.smoke import SMOKE_HELD_OUT, write_smoke_data
from mvot_training.data.training_data import TrainingData
from mvot_training.detector.config import DetectorTrainingConfig, LabelConfig
from mvot_training.detector.dataset import prepare_dataset
from mvot_training.inertia.trajectories import read_ground_truth_tracks
from mvot_training.pairs.batches import sample_batch
from mvot_training.validation import Validation

FEW = 5
"""Frames of a street, where it is rendered in a test; two of them become photos."""


@pytest.fixture
def roots(smoke_roots):
    return smoke_roots


@pytest.fixture
def short(monkeypatch):
    """The data is a short sequence, and photos of one street: it is rendered anew."""
    monkeypatch.setattr(smoke, "_FRAMES", FEW)
    monkeypatch.setattr(smoke, "_SEQUENCE_SEEDS", {SMOKE_HELD_OUT: 103})
    monkeypatch.setattr(smoke, "_PHOTO_SEEDS", (104,))


def list_files(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def test_the_data_is_complete(roots):
    (root,) = roots
    assert len(list_files(root)) > 3 * 30


@pytest.mark.usefixtures("short")
def test_the_same_files_are_written_each_time(tmp_path):
    (one,), (other,) = (write_smoke_data(tmp_path / name) for name in ("one", "other"))
    files = list_files(one)
    assert len(files) == FEW + 5
    assert files == list_files(other)
    assert all((one / file).read_bytes() == (other / file).read_bytes() for file in files)


@pytest.mark.usefixtures("short")
def test_a_complete_folder_is_left_as_it_is_and_an_incomplete_one_completed(tmp_path):
    (root,) = write_smoke_data(tmp_path / "data")
    table = root / SMOKE_HELD_OUT / "gt" / "gt.txt"
    text = table.read_text()
    table.write_text("")
    write_smoke_data(root)
    assert table.read_text() == ""
    (index,) = root.rglob("instances.json")
    index.unlink()
    write_smoke_data(root)
    assert table.read_text() == text
    assert index.is_file()


def test_every_object_of_a_photo_has_a_box_round_its_polygons(roots):
    (path,) = roots[0].rglob("instances.json")
    index = json.loads(path.read_text())
    names = {entry["id"]: entry["name"] for entry in index["categories"]}
    assert {names[a["category_id"]] for a in index["annotations"]} == {"person", "car"}
    for annotation in index["annotations"]:
        points = np.concatenate([np.reshape(p, (-1, 2)) for p in annotation["segmentation"]])
        left, top, width, height = annotation["bbox"]
        assert points.min(0).tolist() == [left + 0.5, top + 0.5]
        assert points.max(0).tolist() == [left + width - 0.5, top + height - 0.5]


def test_pairs_are_sampled_from_what_is_not_held_out(roots):
    data = TrainingData.read(roots, held_out=(SMOKE_HELD_OUT,), synthetic_scenes=0, progress=False)
    assert [(video.name, len(video.object_rows)) for video in data.videos] == [
        ("smoke-1", 6),
        ("smoke-2", 6),
    ]
    assert sample_batch(data, np.random.default_rng(0), 1, 4).searches.shape[0] == 4


def test_the_held_out_sequence_is_validated_on(roots):
    validation = Validation.open(roots, [SMOKE_HELD_OUT], frames=5, synthetic_scenes=0)
    assert len(validation.sequences[SMOKE_HELD_OUT]().frames) == 5


def test_inertia_and_the_backbone_have_data_on_both_sides(roots):
    training, held_out = read_ground_truth_tracks(roots, held_out=(SMOKE_HELD_OUT,))
    assert (len(training), len(held_out)) == (2, 1)
    training, held_out = read_distillation_images(
        roots, held_out=(SMOKE_HELD_OUT,), hold_out_every=20
    )
    assert training.counts == {"photos": 23, "frames": 60, "tiles": 0}
    assert held_out.counts == {"photos": 1, "frames": 30, "tiles": 0}


def test_the_detector_has_people_on_both_sides_without_labelers(roots, tmp_path):
    labels = LabelConfig(
        frame_step=50, annotated_frame_step=50, photo_step=40, held_out=(SMOKE_HELD_OUT,)
    )
    account = prepare_dataset(DetectorTrainingConfig(labels=labels), roots, [], tmp_path)
    assert set(account["images"]) == {
        "train smoke-1",
        "train smoke-2",
        "train smoke-photos",
        f"val {SMOKE_HELD_OUT}",
    }
    assert min(account["boxes"][f"{split} person"] for split in ("train", "val")) >= 4
    assert len(read_ground_truth(roots[0] / SMOKE_HELD_OUT)) > 100
