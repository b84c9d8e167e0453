"""`--nanotrack`: OpenCV's NanoTrack beside the engines, and the networks of our own."""

import json

import pytest

from helpers.benchmarks.fake_nano import install_fake_nano
from helpers.benchmarks.moving_sequence import write_sequence
from helpers.paths import DATA
from mvot_benchmarks.cli import main
from mvot_benchmarks.commands import options
from mvot_benchmarks.peers.opencv_nano import FILES
from mvot_plugin.engines import load_engine

MODELS = DATA / "peers" / "nanotrackv2"
COMMANDS = {
    "vot": (),
    "mot": ("--detect-every", "3"),
    "rt": ("--detect-every", "3", "--fps", "10", "--detector-ms", "1"),
}
SCALING = "scaling", "--size", "160x128", "--frames", "1", "--targets", "2", "3"


@pytest.fixture
def model_folder(tmp_path, monkeypatch):
    (tmp_path / "nano").mkdir()
    return install_fake_nano(tmp_path / "nano", monkeypatch)


@pytest.fixture
def sequence(tmp_path):
    return write_sequence(tmp_path / "MOVES")


@pytest.mark.parametrize("command", COMMANDS)
def test_quality_has_a_row_of_opencvs_trackers(command, model_folder, sequence, tmp_path, capsys):
    file = tmp_path / "results.json"
    arguments = [command, str(sequence), "--engine", "hold", *COMMANDS[command]]
    assert main([*arguments, "--nanotrack", str(model_folder), "--json", str(file)]) == 0
    assert "\n| opencv-nano" in capsys.readouterr().out
    stored = json.loads(file.read_text())
    assert [row["engine"] for row in stored["rows"]] == ["hold", "opencv-nano"]
    assert stored["settings"]["nanotrack"].startswith("nano (sha256 ")
    assert str(tmp_path) not in file.read_text()
    assert main([*arguments, "--json", str(file)]) == 2
    assert "was made with another nanotrack (nano (sha256" in capsys.readouterr().err
    assert main(arguments) == 0
    assert "opencv-nano" not in capsys.readouterr().out


def test_scaling_compares_each_engine_with_opencvs_trackers(model_folder, tmp_path, capsys):
    file = tmp_path / "scaling.json"
    engines = ["--engine", "hold", "kalman", "--nanotrack", str(model_folder)]
    assert main([*SCALING, *engines, "--json", str(file)]) == 0
    speed, share, stages = capsys.readouterr().out.strip().split("\n\n")
    assert [line.split(" | ")[0] for line in speed.splitlines()[2:]] == [
        "| hold", "| kalman", "| opencv-nano",
    ]  # fmt: skip
    assert (
        share.splitlines()[0] == "| ms/frame as a share of opencv-nano's, 160x128 | N = 2 | N = 3 |"
    )
    rows = {(row["engine"], row["targets"]): row for row in json.loads(file.read_text())["rows"]}
    for line in share.splitlines()[2:]:
        name, *cells = (cell.strip() for cell in line.split("|")[1:-1])
        ratios = [rows[name, n]["frame"] / rows["opencv-nano", n]["frame"] for n in (2, 3)]
        assert cells == [f"{ratio:.3f}" for ratio in ratios]
    assert stages.count("| opencv-nano | 160x128 |") == 2
    assert main([*SCALING, "--engine", "hold", "kalman", "--json", str(file)]) == 2
    assert "was made with another nanotrack" in capsys.readouterr().err


def test_the_engine_nanotrack_takes_its_networks_from_the_folder(
    model_folder, sequence, monkeypatch, capsys
):
    loaded = []

    def load(name, weights, *arguments, **others):
        loaded.append((name, weights))
        return load_engine("hold")

    monkeypatch.setattr(options, "load_engine", load)
    arguments = ["vot", str(sequence), "--engine", "nanotrack", "siammt"]
    assert main(arguments) == 0
    assert main([*arguments, "--nanotrack", str(model_folder)]) == 0
    assert loaded == [
        ("nanotrack", "auto"), ("siammt", "auto"),
        ("nanotrack", str(model_folder)), ("siammt", "auto"),
    ]  # fmt: skip
    assert [line for line in capsys.readouterr().out.splitlines() if "nano" in line][-1].startswith(
        "| opencv-nano |"
    )


@pytest.mark.parametrize("command", ["vot", "scaling"])
def test_a_folder_without_the_networks_is_named(command, sequence, tmp_path, capsys):
    assert main([command, str(sequence), "--engine", "hold", "--nanotrack", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{FILES[0]}: no such file; --nanotrack takes a folder with " in line


@pytest.mark.skipif(not MODELS.is_dir(), reason="needs ../shared/data")
def test_scaling_runs_the_real_trackers(capsys):
    assert main([*SCALING, "--engine", "lk-flow", "--nanotrack", str(MODELS)]) == 0
    share, cost = capsys.readouterr().out.split("\n\n")[1:]
    assert all(float(cell) > 0 for cell in share.splitlines()[2].split("|")[2:-1])
    assert cost.count("| opencv-nano | 160x128 |") == 2
