"""``mvot-train nanotrack``: the means of the gates, the calibration, and their file."""

import json

import cv2
import numpy as np
import pytest

from helpers.plugin.nanotrack_graphs import GATED, small_published, write_published
from mvot_benchmarks import datasets
from mvot_plugin.engines.nanotrack.published import expose_gates
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.runtimes.graph import Graph
from mvot_training.cli import main
from mvot_training.data.smoke import SMOKE_HELD_OUT
from mvot_training.nanotrack.config import NanoTrackConstantsConfig
from mvot_training.nanotrack.entry import measure_constants
from mvot_training.nanotrack.gates import measure_gates

FEW = NanoTrackConstantsConfig(
    frames=30, frame_step=10, objects=2, calibration_frames=6, held_out=(SMOKE_HELD_OUT,)
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_published(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def data(smoke_roots):
    return smoke_roots


@pytest.fixture(scope="module")
def written(weights, data, tmp_path_factory):
    """A file of constants, measured on small networks."""
    output = tmp_path_factory.mktemp("output")
    return measure_constants(FEW, data, output, weights=weights)


def test_gates_are_means_over_search_areas(data):
    """All objects of the frames, cut out by hand: 255 pixels, as large as twice the exemplars."""
    folder = data[0] / "smoke-1"
    every = NanoTrackConstantsConfig(frames=11, frame_step=10, objects=99)
    measured = measure_gates(small_published().backbone, [folder], every)
    gates = Graph(expose_gates(small_published().backbone).SerializeToString(), threads=1)
    sequence, values = datasets.open_sequence(folder), []
    with sequence.open() as source:
        images = [frame.image for frame in source]
    for index in (0, 10):
        boxes = sequence.visible_boxes()[index]
        for x0, y0, x1, y1 in boxes[np.isfinite(boxes).all(1)]:
            margin = (x1 - x0 + y1 - y0) / 2
            zoom = 127 / np.sqrt((x1 - x0 + margin) * (y1 - y0 + margin))
            shift = 127 - zoom * ((x0 + x1) / 2 - 0.5), 127 - zoom * ((y0 + y1) / 2 - 0.5)
            matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
            color = images[index].mean((0, 1))
            crop = cv2.warpAffine(images[index], matrix, (255, 255), borderValue=color)
            values.append(gates(crop.transpose(2, 0, 1)[None].astype(np.float32)))
    assert measured.crops == len(values) > 4
    for number, mean in enumerate(measured.means):
        expected = np.mean([value[number].ravel() for value in values], axis=0)
        assert mean.shape == (GATED[number],)
        assert np.allclose(mean, expected, atol=0.01)


def test_the_settings_choose_frames_and_objects(data):
    folders = [data[0] / "smoke-1", data[0] / "smoke-2"]
    backbone = small_published().backbone
    one = NanoTrackConstantsConfig(frames=30, frame_step=10, objects=1)
    first, again = (measure_gates(backbone, folders, one) for _ in range(2))
    assert first.crops == 6
    assert all(map(np.array_equal, first.means, again.means))
    other = measure_gates(
        backbone, folders, NanoTrackConstantsConfig(frames=30, frame_step=10, objects=1, seed=1)
    )
    assert not np.array_equal(first.means[0], other.means[0])


def test_the_file_has_gates_a_calibration_and_a_record(written, weights, data):
    constants = json.loads(written.read_text())
    assert [len(gate) for gate in constants["gates"]] == list(GATED)
    values = np.concatenate(constants["gates"])
    assert ((values >= 0) & (values <= 1)).all()
    assert np.array_equal(values, values.round(6))
    assert np.isfinite(constants["calibration"]).all()
    record = constants["record"]
    assert record["licence"] == "Apache-2.0"
    assert record["command"] == f"mvot-train nanotrack --data {data[0].name}"
    assert record["data"] == ["smoke-1", "smoke-2"]
    assert record["crops"] == 12
    assert len(record["backbone_sha256"]) == 64
    assert set(record["measured"]) == {SMOKE_HELD_OUT, "mean"}
    assert record["settings"]["frame_step"] == 10


def test_the_same_constants_result_each_time(written, weights, data, tmp_path):
    again = measure_constants(FEW, data, tmp_path, weights=weights)
    assert again.read_bytes() == written.read_bytes()


@pytest.mark.usefixtures("smoke_is_written")
def test_smoke_needs_only_the_published_files(weights, tmp_path, capsys):
    arguments = ["nanotrack", "--smoke", "--weights", str(weights), "--output", str(tmp_path)]
    assert main([*arguments, "--set", "calibration_frames=3"]) == 0
    assert f"saved {tmp_path / 'nanotrack.json'}" in capsys.readouterr().out
    assert json.loads((tmp_path / "nanotrack.json").read_text())["record"]["crops"] > 0


def test_data_without_sequences_is_refused(weights, tmp_path):
    with pytest.raises(InputError, match=f"no sequences to measure on in {tmp_path}"):
        measure_constants(FEW, [tmp_path], tmp_path, weights=weights)


def test_sequences_without_boxes_are_refused(data, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    for path in (data[0] / "smoke-1").iterdir():
        (folder / path.name).symlink_to(path)
    (folder / "gt").unlink()
    (folder / "gt").mkdir()
    (folder / "gt" / "gt.txt").write_text("1,1,0,0,0,0,1,-1,-1,-1\n")
    with pytest.raises(InputError, match="no object has a box in empty"):
        measure_gates(small_published().backbone, [folder], FEW)


def test_it_runs_on_the_cpu(weights, data, tmp_path):
    with pytest.raises(UsageError, match="runs on the CPU, not on 'cuda'"):
        measure_constants(FEW, data, tmp_path, weights=weights, device="cuda")
