"""Training runs: initial weights, sampling, validation, and the files they save."""

import csv
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from helpers.training.data import write_annotated_photos, write_annotated_video
from mvot_benchmarks.vot import evaluate
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.siammotion import SiamMotionEngine
from mvot_plugin.errors import InputError
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.models.siammotion_config import SiamMotionConfig
from mvot_plugin.models.siammotion_functions import SiamMotionFunctions
from mvot_plugin.weights import save_weights
from mvot_training.curves import append_row, draw_curves
from mvot_training.data.training_data import TrainingData
from mvot_training.prefetch import BatchPrefetcher
from mvot_training.siammotion.config import SiamMotionTrainingConfig
from mvot_training.siammotion.entry import train_siammotion
from mvot_training.siammotion.initial_weights import load_fitting_weights
from mvot_training.siammotion.trainer import sample_step
from mvot_training.validation import Validation, prepare_copy

NARROW = {"backbone_width": 16, "width": 16}  # 8 crash oneDNN in bfloat16
TINY = SiamMotionConfig(**NARROW)
CONFIG = SiamMotionTrainingConfig(
    network=NARROW,
    steps=4,
    batch=4,
    level_shares=(1.0,),
    warmup_steps=1,
    frozen_fraction=1.0,
    synthetic_scenes=0,
)


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    write_annotated_video(root / "clips" / "pair", masked=False)
    write_annotated_video(root / "clips" / "apart", masked=False)
    write_annotated_photos(root / "photos" / "discs")
    return [root / "clips", root / "photos"]


def test_a_training_starts_from_those_of_other_weights_that_fit(tmp_path):
    source, path = SiamMotionNet(TINY), tmp_path / "weights.safetensors"
    save_weights(path, source, "siammotion", TINY, {})
    network = SiamMotionNet(replace(TINY, tower=1, ratios=(1.0,)))
    before = network.head.classify.weight.clone()
    load_fitting_weights(network, path)
    assert torch.equal(network.head.search[0].weight, source.head.search[0].weight.half().float())
    assert torch.equal(network.head.classify.weight, before)
    with pytest.raises(InputError, match=r"has no backbone\.\S+ for this network"):
        load_fitting_weights(SiamMotionNet(replace(TINY, backbone="lite0")), path)


def test_a_narrower_networks_weights_are_widened(tmp_path):
    torch.manual_seed(2)
    narrow = replace(TINY, tower=1)
    source, path = SiamMotionNet(narrow), tmp_path / "weights.safetensors"
    for branch in (source.attention.exemplar, source.attention.search):
        branch.weights.data.fill_(0.3)
    save_weights(path, source, "siammotion", narrow, {})
    source.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    wide = SiamMotionNet(replace(narrow, width=48))
    load_fitting_weights(wide, path)
    with torch.no_grad():
        images, last = torch.randn(1, 3, 128, 128), torch.full((1, 2), 60.0)
        outputs = []
        for network in (source.eval(), wide.eval()):
            maps = network.neck(network.features(images))[1]
            exemplars = network.enroll(maps[:, :7, :7])
            proposals = network.compare(exemplars, maps[:, 1:, 1:], last)
            outputs.append((maps, proposals))
    assert outputs[1][0].shape[3] == 48
    torch.testing.assert_close(outputs[1][0], outputs[0][0].repeat_interleave(3, -1))
    torch.testing.assert_close(outputs[1][1].logits, outputs[0][1].logits, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(outputs[1][1].boxes, outputs[0][1].boxes, rtol=1e-3, atol=1e-3)
    maps = wide.neck(wide.features(images))[2]
    maps.square().sum().backward()
    gradient = wide.neck.lateral[2].weight.grad.view(16, 3, -1)
    assert float((gradient[:, 0] - gradient[:, 1]).norm() / gradient[:, 0].norm()) > 0.1
    with pytest.raises(InputError, match=r"has no backbone\.\S+ for this network"):
        load_fitting_weights(SiamMotionNet(replace(narrow, width=32, backbone_width=48)), path)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_worker_processes_sample_the_same_batches(roots):
    training_data = TrainingData.read(roots, synthetic_scenes=0, progress=False)
    runs = []
    for workers in (0, 2):
        with BatchPrefetcher(
            partial(sample_step, training_data, CONFIG), range(1, 4), workers
        ) as batches:
            runs.append(list(batches))
    assert [len(each) for each in runs] == [3, 3]
    for (level, a), (other, b) in zip(*runs, strict=True):
        assert level == other
        assert np.array_equal(a.searches, b.searches)
        assert np.array_equal(a.boxes, b.boxes)
    assert not np.array_equal(runs[0][0][1].searches, runs[0][1][1].searches)


def test_validation_tracks_as_the_benchmark_does(roots, tmp_path):
    network = SiamMotionNet(TINY).eval()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    validation = Validation.open(roots, ["apart", "nowhere"], frames=6, synthetic_scenes=1)
    assert list(validation.sequences) == ["apart", "street-10000"]
    engine = SiamMotionEngine.from_network(prepare_copy(SiamMotionFunctions(network)))
    metrics = validation.measure(engine)
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    path = tmp_path / "tiny.safetensors"
    save_weights(path, network, "siammotion", TINY, {})
    score = evaluate(load_engine("siammotion", weights=str(path)), roots[0] / "apart", 6)
    assert metrics["apart"] == pytest.approx(score.mean_iou, abs=0.03)  # half precision
    street = validation.sequences["street-10000"]()
    assert len(street.frames) == 6
    assert np.isfinite(street.ground_truth).all(2).sum(1).min() >= 3


def test_a_synthetic_scene_of_validation_has_its_ground_truth():
    sequence = Validation.open([], [], frames=3, synthetic_scenes=1).sequences["street-10000"]()
    hold = evaluate(load_engine("hold"), sequence)
    assert 0.3 < hold.mean_iou < 1


def fake_validations(values, monkeypatch):
    """Let the validations of a training measure these means, one after another."""
    remaining = iter(values)
    monkeypatch.setattr(Validation, "measure", lambda self, engine: {"mean": next(remaining)})


def test_the_best_average_is_kept(roots, tmp_path, monkeypatch):
    fake_validations([0.2, 0.6, 0.4, 0.5], monkeypatch)
    config = replace(CONFIG, validate_every=1, held_out=("apart",))
    path = train_siammotion(config, roots, tmp_path, device="cpu")
    assert load_engine("siammotion", weights=str(path)).trained
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    assert (state["step"], state["best"]) == (4, 0.6)
    rows = list(csv.DictReader((tmp_path / "validation.csv").read_text().splitlines()))
    assert [(row["step"], row["mean"]) for row in rows] == [
        *(("1", "0.20000"), ("2", "0.60000"), ("3", "0.40000"), ("4", "0.50000"))
    ]
    last = SiamMotionNet(TINY)
    last.load_state_dict(state["average"])
    best = SiamMotionNet(TINY)
    load_fitting_weights(best, path)
    assert not torch.equal(best.head.classify.bias, last.head.classify.bias.half().float())
    assert cv2.imread(str(tmp_path / "curves.png")).shape[1] > 1000


def test_curves_show_what_the_tables_hold(tmp_path, monkeypatch, capsys):
    append_row(tmp_path / "losses.csv", 100, {"loss": 1.5, "found": 0.5})
    append_row(tmp_path / "losses.csv", 200, {"loss": 0.5, "found": 0.25})
    assert (tmp_path / "losses.csv").read_text().split() == [
        *("step,loss,found", "100,1.50000,0.50000", "200,0.50000,0.25000")
    ]
    draw_curves(tmp_path)
    plot = cv2.imread(str(tmp_path / "curves.png"))
    assert plot.shape[0] > 300
    assert plot.std() > 5
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    (tmp_path / "curves.png").unlink()
    draw_curves(tmp_path)
    assert "pip install 'mvot-plugin[train]'" in capsys.readouterr().out
    assert not (tmp_path / "curves.png").exists()
