"""Commands without the packages of the extra `bench`: one sentence says how to install them."""

import sys

import cv2
import numpy as np
import pytest

from helpers.benchmarks.moving_sequence import write_sequence
from mvot_benchmarks import cli as bench

INSTALL = "pip install 'mvot-plugin[bench]'"
SCORING = ("motmetrics",)


@pytest.fixture
def sequence(tmp_path):
    return write_sequence(tmp_path / "MOVES")


def is_install_hint(message, purpose, module):
    """Whether a message is one line that names purpose, package and command."""
    package = module.split(".")[0]
    return (
        message.count("\n") == 1
        and f"{purpose} need {package} (" in message
        and (message.endswith(f"): {INSTALL}\n"))
    )


@pytest.mark.usefixtures("no_peer_packages")
@pytest.mark.parametrize("command", ["mot", "rt", "peers"])
@pytest.mark.parametrize("module", SCORING)
def test_commands_that_score_tracks_need_the_extra(
    command, module, sequence, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, module, None)
    file = tmp_path / "results.json"
    arguments = [command, str(sequence), "--engine", "hold", "--json", str(file)]
    assert bench.main(arguments) == 2
    out, err = capsys.readouterr()
    assert is_install_hint(err, "scores", module)
    assert out == ""
    assert not file.exists()


def test_masks_need_the_extra(tmp_path, monkeypatch, capsys):
    for part in ("img1", "mask"):
        (tmp_path / part).mkdir()
        cv2.imwrite(str(tmp_path / part / "000001.png"), np.full((8, 8), 255, np.uint8))
    monkeypatch.setitem(sys.modules, "PIL.PngImagePlugin", None)
    assert bench.main(["vot", str(tmp_path), "--engine", "hold"]) == 2
    assert is_install_hint(capsys.readouterr().err, "masks", "PIL")


def test_a_plot_needs_the_extra(tmp_path, sequence, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    arguments = ["mot", str(sequence), "--engine", "hold", "--detect-every", "1"]
    assert bench.main([*arguments, "--plot", str(tmp_path / "k.png")]) == 2
    assert is_install_hint(capsys.readouterr().err, "plots", "matplotlib")


def test_commands_that_need_no_extra_run_without_it(sequence, monkeypatch, capsys):
    for module in (*SCORING, "PIL", "PIL.PngImagePlugin", "matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, module, None)
    assert bench.main(["vot", str(sequence), "--engine", "hold"]) == 0
    assert "| hold |" in capsys.readouterr().out


def test_a_report_needs_the_extra_for_its_plots(tmp_path, sequence, monkeypatch, capsys):
    file, folder = tmp_path / "mot.json", tmp_path / "report"
    arguments = ["mot", str(sequence), "--engine", "hold", "--detect-every", "1"]
    assert bench.main([*arguments, "--json", str(file)]) == 0
    capsys.readouterr()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert bench.main(["report", str(file), "--output", str(folder)]) == 2
    assert is_install_hint(capsys.readouterr().err, "plots", "matplotlib")
    assert not folder.exists()
