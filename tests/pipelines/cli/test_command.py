"""What the commands share: everything that goes wrong is one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.pipelines.mvot_run import COMMAND
from mvot_pipelines.cli import main, print_output, run_command
from mvot_plugin.errors import InputError

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}


def raise_this(error):
    raise error


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (InputError("a.mp4: no such file"), 1, "mvot-run: a.mp4: no such file\n"),
        (InputError("a\nb\x1b[2J\u202e"), 1, "mvot-run: a\\nb\\x1b[2J\\u202e\n"),
        (KeyboardInterrupt(), 1, "mvot-run: interrupted; again\n"),
        (MemoryError(), 1, "mvot-run: there is not enough memory\n"),
    ],
)
def test_an_error_is_one_sentence(capsys, error, code, sentence):
    assert run_command("mvot-run", lambda: raise_this(error), hint=lambda: "; again") == code
    assert capsys.readouterr() == ("", sentence)


def test_a_long_error_loses_its_middle(capsys):
    assert run_command("mvot-run", lambda: raise_this(InputError("x" * 9000 + ": no file"))) == 1
    line = capsys.readouterr().err
    assert len(line) < 600
    assert " ... " in line
    assert line.endswith(": no file\n")


def test_an_error_that_nobody_expected_is_said_to_be_a_bug(capsys, monkeypatch):
    monkeypatch.delenv("MVOT_TRACEBACK", raising=False)
    assert run_command("mvot-run", lambda: {}["key"]) == 1
    line = capsys.readouterr().err
    assert line.startswith("mvot-run: internal error: KeyError: 'key' (command.py, line ")
    assert "report it" in line
    assert line.count("\n") == 1
    monkeypatch.setenv("MVOT_TRACEBACK", "1")
    with pytest.raises(KeyError):
        run_command("mvot-run", lambda: {}["key"])


def test_what_is_printed_does_not_speak_to_the_terminal(capsys):
    print_output("a\x1b[2J\nb\udcff")
    assert capsys.readouterr().out == "a\\x1b[2J\nb\\udcff\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_printed_is_one_sentence():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [COMMAND, "--list-engines"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "mvot-run: the standard output failed: No space left on device\n"


def test_a_name_beyond_the_encoding_of_the_terminal_is_printed_escaped(tmp_path):
    command = [sys.executable, "-m", "mvot_pipelines.cli", "über.mp4"]
    done = subprocess.run(command, env=os.environ | ASCII, capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(b"mvot-run: \\udcc3\\udcbcber.mp4: no such file")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--conf", "nan"], "--conf must be a number, got nan"),
        (["--threads", "1000000000"], "--threads must be 256 or less, got 1000000000"),
        (["--frame-rate", "1e-300"], "--frame-rate must be 0.001 or more, got 1e-300"),
        (["--detect-every", "1" * 5000], "argument --detect-every: invalid int value: '111"),
        (["--detect-every", "9" * 400], "--detect-every must be 1e+09 or less, got 9999"),
        (["--engine", ""], "setting 'engine' is empty: leave it out, or give it a value"),
        (["--save-txt", ""], "setting 'save_txt' is empty"),
        (["--weights", "a\0b"], "--weights has a character that no name may have, got 'a\\x00b'"),
        (["--engine", "hold", "--device", "meta"], "device 'meta' cannot be used: "),
        (["--engine", "hold", "--device", "cpu:x"], "device 'cpu:x' cannot be used: "),
    ],
)
def test_an_option_out_of_its_range_is_named(capsys, arguments, sentence):
    assert main(["video.mp4", "--detections", "det.txt", *arguments]) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"mvot-run: {sentence}")
    assert line.count("\n") == 1
    assert len(line) < 600


def test_a_bad_option_is_not_said_to_be_in_the_file(capsys, tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text("engine: hold\n")
    assert main(["video.mp4", "--config", str(path), "--budget", "0"]) == 2
    assert capsys.readouterr().err == "mvot-run: --budget must be 0.001 or more, got 0.0\n"
