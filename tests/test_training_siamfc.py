"""The stages `siamfc` and `siammt` of `mvot-train`: pairs, loss, loop, and what they leave."""

import csv
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch.testing import assert_close

from mvot_pipelines.training import running
from mvot_pipelines.training.cli import main
from mvot_pipelines.training.library import Library
from mvot_pipelines.training.siamfc import learning
from mvot_pipelines.training.siamfc.comparing import compared, places
from mvot_pipelines.training.siamfc.learning import Correlating, drawn_at
from mvot_pipelines.training.siamfc.settings import SiamFCSchedule, SiamMTSchedule
from mvot_pipelines.training.siamfc.sizing import size_loss
from mvot_pipelines.training.siamfc.stage import train_correlation
from mvot_pipelines.training.siamfc.teaching import Retelling, beside
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.models.efficientnet import EfficientNetLite
from mvot_plugin.models.siamfc import CorrelationConfig, SiamFCNet, SiamMTNet
from mvot_plugin.ops.fields import Field
from mvot_plugin.weights import save_weights
from training_material import write_clip, write_roots

CHANNELS = (16, 32, 32, 32, 32)
CPU = torch.device("cpu")
SHORT = {"channels": CHANNELS, "steps": 4, "batch": 2, "rise": 2, "validate_every": 2, "streets": 0}
FC = SiamFCSchedule(**SHORT, teacher="", held_out=("kept",), validation_frames=3)
MT = SiamMTSchedule(**SHORT, held_out=("kept",), validation_frames=3)


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    root = tmp_path_factory.mktemp("material")
    found = write_roots(root)
    write_clip(root / "clips" / "kept", masked=False)
    return found


@pytest.fixture(scope="module")
def library(roots):
    return Library.open(roots, held_out=["kept"], streets=0, progress=False)


def training(config=FC, seed=0):
    torch.manual_seed(seed)
    kind = SiamMTNet if isinstance(config, SiamMTSchedule) else SiamFCNet
    context = 0.0 if kind is SiamMTNet else 0.5
    return Correlating(kind(CorrelationConfig(channels=CHANNELS, context=context)), config, CPU)


def test_siamfc_s_images_are_its_areas(library):
    batch = drawn_at(library, FC, 0)
    assert batch.exemplars.shape == (2, 127, 127, 3)
    assert batch.searches.shape == (2, 255, 255, 3)
    network = training().network
    areas = network.areas(batch.priors, 255)
    assert np.allclose(areas, [0, 0, 255, 255], atol=0.5)
    assert np.allclose(network.areas(batch.exemplar_boxes, 127), [0, 0, 127, 127], atol=0.5)


def test_siammt_s_images_hold_its_areas_and_the_margins(library):
    sides = []
    for step in range(6):
        batch = drawn_at(library, MT, step)
        network = training(MT).network
        margin = network.backbone.field.receptive / 2
        for images, boxes, cells in (
            (batch.exemplars, batch.exemplar_boxes, network.kept),
            (batch.searches, batch.priors, network.searched),
        ):
            areas = network.areas(boxes, cells)
            assert (areas[:, :2] >= margin - network.backbone.field.stride).all()
            spare = images.shape[1] - margin + network.backbone.field.stride
            assert (areas[:, 2:] <= spare).all()
        sides += np.sqrt(np.prod(batch.priors[:, 2:] - batch.priors[:, :2], axis=1)).tolist()
    assert 25 < min(sides) < max(sides) < 90


@pytest.mark.parametrize("config", [FC, MT], ids=["siamfc", "siammt"])
def test_the_truth_is_where_an_exemplar_finds_itself(config, library):
    """A bright square on black, in the search image where the truth says: there is the peak."""
    batch = drawn_at(library, replace(config, batch=1), 1)
    exemplars, searches = np.zeros_like(batch.exemplars), np.zeros_like(batch.searches)
    for images, boxes in ((exemplars, batch.exemplar_boxes), (searches, batch.boxes)):
        x0, y0, x1, y1 = boxes[0].round().astype(int).clip(0)
        images[0, y0:y1, x0:x1] = 255
    network = training(config).network.eval()
    with torch.inference_mode():
        found = compared(network, replace(batch, exemplars=exemplars, searches=searches))
        odds, truth = found.odds, found.truth
    where = places(network)[tuple(np.unravel_index(int(odds[0].argmax()), odds[0].shape))]
    assert_close(where, torch.as_tensor(truth[0, :2]), atol=14, rtol=0)
    assert places(network)[0, 0].tolist() == [-64, -64]
    assert places(network)[8, 8].tolist() == [0, 0]


def test_windows_of_the_right_size_are_found_to_be_so(library):
    """A checkered square, as large as the truth says: it is most alike where growth is none."""
    batch = drawn_at(library, replace(MT, batch=4), 2)
    exemplars, searches = np.zeros_like(batch.exemplars), np.zeros_like(batch.searches)
    for images, boxes in ((exemplars, batch.exemplar_boxes), (searches, batch.boxes)):
        for image, box in zip(images, boxes, strict=True):
            x0, y0, x1, y1 = box.round().astype(int).clip(0)
            board = np.kron([[255, 60, 255], [0, 255, 90], [200, 0, 255]], np.ones((8, 8)))
            resized = cv2.resize(board, (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)
            part = image[y0:y1, x0:x1]
            part[:] = resized[: part.shape[0], : part.shape[1], None]
    network, sizes = training(MT).network.eval(), (0.7, 0.85, 1.0, 1.2, 1.45)
    with torch.inference_mode():
        found = compared(network, replace(batch, exemplars=exemplars, searches=searches), sizes)
    sides = np.sqrt((batch.boxes[:, 2:] - batch.boxes[:, :2]).prod(1))
    before = np.sqrt((batch.priors[:, 2:] - batch.priors[:, :2]).prod(1))
    expected = np.log(sides / before)[:, None] - np.log(sizes)
    assert_close(found.growth, torch.as_tensor(expected), atol=1e-3, rtol=0, check_dtype=False)
    off = found.growth.gather(1, found.alike.argmax(1, keepdim=True)).abs()
    assert float(off.median()) < 0.2


def test_the_loss_of_sizes_is_least_where_the_right_one_stands_out():
    growth = torch.tensor([[0.1, 0.0, -0.1], [0.0, -0.1, -0.2]])
    right = torch.tensor([[0.5, 0.9, 0.5], [0.9, 0.5, 0.5]])
    losses = [float(size_loss(a, growth)) for a in (right, torch.zeros(2, 3), 1 - right)]
    assert losses[0] < losses[1] < losses[2]
    assert losses[1] == pytest.approx(np.log(3), rel=1e-4)
    assert float(size_loss(right[:0], growth[:0])) == 0


def test_the_loss_falls(library):
    run = training(replace(FC, steps=40, batch=4, rise=5, rate=2e-3))
    batch = drawn_at(library, run.config, 0)
    losses = [run.learn(batch)["loss"] for _ in range(25)]
    assert losses[-1] < 0.6 * losses[0]


def test_frozen_layers_stay_and_the_others_learn(library):
    run = training(MT)
    before = {k: v.clone() for k, v in run.network.state_dict().items()}
    for step in range(2):
        run.learn(drawn_at(library, MT, step))
    changed = {k for k, v in run.network.state_dict().items() if not torch.equal(v, before[k])}
    layers = {int(name.split(".")[2]) for name in changed if name.startswith("backbone.layers")}
    assert min(layers) == 11  # the fourth convolution, after three with norm and ReLU, two pools
    assert {"gain", "bias"} <= changed


def test_a_teacher_is_told_of(library, monkeypatch):
    monkeypatch.setattr(learning, "Teacher", StandInTeacher)
    run = training(replace(FC, teacher="lite0", steps=60, batch=2, rise=1))
    batch = drawn_at(library, run.config, 0)
    told = [run.learn(batch)["taught"] for _ in range(12)]
    assert told[-1] < 0.9 * told[0]


class StandInTeacher:
    """An untrained EfficientNet-Lite0."""

    def __init__(self, name, device):
        torch.manual_seed(0)
        self.network = EfficientNetLite(name).eval().requires_grad_(False)
        self.channels = self.network.channels[1:]

    def __call__(self, pixels):
        return self.network(pixels)[1:]


def test_a_teacher_s_maps_are_taken_at_the_cells_places():
    """Of maps whose values are the pixels that their cells lie at."""
    field = Field(receptive=87, stride=8)
    line = {stride: 0.5 + stride * torch.arange(256 // stride) for stride in (8, 16)}
    maps = [at.expand(2, 1, len(at), len(at)) for at in line.values()]
    for sampled in beside(maps, field, 22):
        assert sampled.shape == (2, 22, 22, 1)
        expected = field.receptive / 2 + field.stride * torch.arange(22.0)
        assert_close(sampled[0, 3, :, 0], expected, atol=1e-3, rtol=0)


def test_what_tells_exactly_is_not_off():
    wanted = torch.randn(2, 3, 3, 4, generator=torch.Generator().manual_seed(0))
    retelling = Retelling(4, [4]).train()
    with torch.no_grad():
        retelling.adapters[0].weight.copy_(torch.eye(4))
        retelling.adapters[0].bias.zero_()
    flat = wanted.flatten(0, 2)
    exact = (wanted - flat.mean(0)) / flat.var(0, correction=0).add(1e-5).sqrt()
    assert retelling(exact, [wanted]).abs() < 1e-4
    assert retelling(-exact, [wanted]) > 2


@pytest.mark.parametrize("config", [FC, MT], ids=["siamfc", "siammt"])
def test_a_broken_run_goes_on_to_the_same_result(config, library, tmp_path):
    whole, broken = training(config), training(config)
    for step in range(4):
        whole.learn(drawn_at(library, config, step))
        if step < 2:
            broken.learn(drawn_at(library, config, step))
    broken.save(tmp_path / "last.pt")
    again = training(config, seed=9)
    again.resume(tmp_path / "last.pt")
    for step in range(again.step, 4):
        again.learn(drawn_at(library, config, step))
    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, again.average.state_dict()[name])


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    training().save(tmp_path / "last.pt")
    wide = CorrelationConfig(channels=(16, 32, 32, 32, 64))
    with pytest.raises(InputError, match=r"last.pt: was left by a training of another network"):
        Correlating(SiamFCNet(wide), FC, CPU).resume(tmp_path / "last.pt")


def test_siammt_goes_on_from_siamfc_and_both_track(roots, tmp_path, film):
    data = {"data": roots, "cache": None, "device": "cpu"}
    first = train_correlation(FC, folder=tmp_path / "fc", **data)
    second = train_correlation(MT, folder=tmp_path / "mt", weights=first, **data)
    for path, name in ((first, "siamfc"), (second, "siammt")):
        engine = load_engine(name, weights=str(path), precision="fp32")
        targets = engine.enroll(engine.observe(film[0]), np.array([[9, 9, 60, 80]], np.float32))
        assert np.isfinite(engine.track(engine.observe(film[1]), targets)[1].scores).all()
        with safe_open(str(path), "pt") as file:
            record, config = (json.loads(file.metadata()[key]) for key in ("record", "config"))
            frozen = file.get_tensor("backbone.layers.0.weight")
        assert (config["frame_certainty"] is not None) == (name == "siamfc")
        assert record["licence"] == "Apache-2.0"
        assert record["training"]["steps"] == 4
        assert frozen.dtype == torch.float16
    with (tmp_path / "mt" / "validation.csv").open(newline="") as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["2", "4"]


def test_siammt_goes_on_from_its_own_weights_and_siamfc_does_not(roots, tmp_path):
    data = {"data": roots, "cache": None, "device": "cpu"}
    torch.manual_seed(0)
    network = SiamMTNet(CorrelationConfig(channels=CHANNELS, context=0.0))
    path = tmp_path / "own.safetensors"
    save_weights(path, network, "siammt", network.config, {})
    train_correlation(MT, folder=tmp_path / "mt", weights=path, **data)
    with safe_open(str(tmp_path / "mt" / "siammt.safetensors"), "pt") as file:
        frozen = file.get_tensor("backbone.layers.0.weight")
    assert_close(frozen.float(), network.backbone.layers[0].weight, atol=1e-3, rtol=1e-2)
    with pytest.raises(InputError, match="holds weights of 'siammt', but 'siamfc' needs its own"):
        train_correlation(FC, folder=tmp_path / "fc", weights=path, **data)


@pytest.mark.parametrize("native", [torch.bfloat16, torch.float32])
def test_half_precision_is_for_cpus_that_compute_it(native, monkeypatch):
    monkeypatch.setattr(running, "choose_dtype", lambda precision, device: native)
    layer, inputs = torch.nn.Linear(2, 2), torch.ones(1, 2)
    with running.mixed_precision(CPU):
        assert layer(inputs).dtype == running.native_dtype(CPU) == native
    assert running.native_dtype(torch.device("cuda")) == torch.bfloat16


def test_the_command_trains_and_refuses_what_it_cannot(roots, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "small.yaml"
    config.write_text("channels: [16, 32, 32, 32, 32]\nteacher: ''\nheld_out: [kept]\n")
    data = ["--data", *map(str, roots)]
    assert main(["siamfc", *data, "--smoke", "--config", str(config)]) == 0
    assert (tmp_path / "training" / "siamfc" / "siamfc.safetensors").is_file()
    assert main(["siammt", *data, "--smoke", "--weights", "nowhere.safetensors"]) == 1
    assert "nowhere.safetensors: there is no such weights file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"teacher": "lite7"}, "unknown teacher 'lite7'"),
        ({"frozen": 5}, "setting 'frozen' must be 0 to 4"),
        ({"batch": 0}, "setting 'batch' must be 1 or more, got 0"),
    ],
)
def test_settings_that_make_no_sense_are_named(setting, said):
    with pytest.raises(UsageError, match=said):
        SiamFCSchedule(**setting)
