"""What all stages of ``mvot-train`` share: their options, and how settings come to be."""

import pytest
import yaml

from mvot_plugin.weights import read_weights
from mvot_training.cli import STAGES, main

NAMES = [stage.name for stage in STAGES]
SHARED = ("data", "output", "cache", "config", "set", "smoke", "print-config", "hours", "device")


def show(capsys, *arguments):
    """The settings that a command line prints, and the text."""
    assert main([*arguments, "--print-config"]) == 0
    text = capsys.readouterr().out
    return yaml.safe_load(text), text


def fail(capsys, *arguments):
    """What a command line that is wrong says."""
    assert main([*arguments]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    return captured.err


def help_of(capsys, *arguments):
    with pytest.raises(SystemExit) as done:
        main([*arguments, "--help"])
    assert done.value.code == 0
    return capsys.readouterr().out


def test_the_help_lists_the_stages(capsys):
    text = help_of(capsys)
    for stage in STAGES:
        assert f"  {stage.name:12}{stage.summary}\n" in text
    assert "examples:" in text


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_a_stage_has_the_shared_options_in_their_order(name, capsys):
    text = help_of(capsys, name)
    places = [text.index(f"\n  --{option} ") for option in SHARED]
    assert places == sorted(places)
    assert text.index("\ndata and results:") < text.index("\nsettings:") < text.index("\nrunning:")
    assert places[-1] < text.find(f"\noptions of {name}:") or name not in text[places[-1] :]


@pytest.mark.parametrize("name", NAMES)
def test_printed_settings_are_documented_and_are_a_config_file(name, capsys, tmp_path):
    settings, text = show(capsys, name, "--set", "seed=7", "--smoke")
    assert settings["seed"] == 7
    path = tmp_path / "printed.yaml"
    path.write_text(text)
    assert show(capsys, name, "--config", str(path)) == (settings, text)
    lines = text.splitlines()
    for number, line in enumerate(lines):
        assert line.lstrip().startswith("#") or lines[number - 1].lstrip().startswith("#"), line


def test_set_changes_any_setting(capsys):
    changes = ["loss.hardest=3", "held_out=[a, b]", "sampling.weights.videos=1"]
    changes += ["learning_rate=1e-4", "teacher="]
    arguments = [part for change in changes for part in ("--set", change)]
    settings, _ = show(capsys, "siamfc", *arguments)
    before, _ = show(capsys, "siamfc")
    assert settings["loss"] == {**before["loss"], "hardest": 3}
    assert settings["held_out"] == ["a", "b"]
    weights = before["sampling"]["weights"]
    assert settings["sampling"]["weights"] == {**weights, "videos": 1.0}
    assert (settings["learning_rate"], settings["teacher"]) == (1e-4, "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("steps", "--set steps: expected NAME=VALUE"),
        ("=3", "--set =3: expected NAME=VALUE"),
        ("stepz=3", "--set: unknown setting 'stepz': did you mean 'steps'"),
        ("loss.hardes=3", "unknown setting 'loss.hardes': did you mean 'loss.hardest'"),
        ("steps.of=3", "setting 'steps' must be int"),
        ("steps=0", "setting 'steps' must be 1 or more, got 0"),
        ("steps=[", "--set steps=[: the value is not valid YAML"),
        ("network.widht=8", "unknown setting 'network.widht': did you mean 'network.width'"),
        ("network.width=wide", "setting 'network.width' must be int, got 'wide'"),
    ],
)
def test_a_wrong_change_is_one_sentence(change, said, capsys):
    assert said in fail(capsys, "siammotion", "--set", change, "--print-config")


def test_set_goes_before_smoke_and_smoke_before_the_file(capsys, tmp_path):
    path = tmp_path / "some.yaml"
    path.write_text("preset: siammotion\nsteps: 1000\nbatch: 64\nthawed_levels: 3\n")
    arguments = ["siammotion", "--config", str(path), "--preset", "siammotion-n"]
    settings, _ = show(capsys, *arguments)
    assert (settings["preset"], settings["steps"]) == ("siammotion-n", 1000)
    settings, _ = show(capsys, *arguments, "--smoke", "--set", "steps=3")
    found = (settings["steps"], settings["batch"], settings["thawed_levels"])
    assert found == (3, 8, 3)


def test_smoke_holds_out_a_sequence_of_its_own_data_only(capsys):
    assert show(capsys, "siamfc", "--smoke")[0]["held_out"] == ["smoke-validation"]
    assert show(capsys, "detector", "--smoke")[0]["labels"]["held_out"] == ["smoke-validation"]
    assert len(show(capsys, "siamfc", "--smoke", "--data", "DIR")[0]["held_out"]) == 4


@pytest.mark.parametrize("name", NAMES)
def test_without_smoke_there_must_be_data(name, capsys):
    said = fail(capsys, name)
    needs_weights = name in ("inertia", "siammt")
    options = "--weights, --data" if needs_weights else "--data"
    assert f"the following arguments are required: {options}; see mvot-train {name} --help" in said


@pytest.mark.parametrize("name", NAMES)
def test_a_misspelt_option_names_the_nearest(name, capsys):
    assert "unknown option '--hurs': did you mean '--hours'" in fail(capsys, name, "--hurs", "1")


def test_smoke_needs_no_other_option(capsys, tmp_path):
    folder = tmp_path / "smoke"
    arguments = ["siammotion", "--smoke", "--output", str(folder), "--set", "steps=2"]
    assert main([*arguments, "--device", "cpu", "--set", "validation_frames=3"]) == 0
    weights = folder / "siammotion-n.safetensors"
    assert f"saved {weights}" in capsys.readouterr().out
    assert read_weights(weights, "siammotion")[0]["width"] == 64
    assert (folder / "smoke-data" / "smoke-validation").is_dir()
