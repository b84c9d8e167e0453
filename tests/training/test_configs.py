"""The packaged configs of ``mvot-train``, and files that extend others."""

import pytest

from mvot_plugin.config import build_config
from mvot_plugin.errors import UsageError
from mvot_training.cli import load_stages, main
from mvot_training.config import CONFIGS, find_packaged_configs, merge_settings, read_settings

BY_NAME = {stage.name: stage for stage in load_stages()}
PACKAGED = [(stage, name) for stage in BY_NAME for name in find_packaged_configs(stage)]


def test_every_file_is_a_config_of_some_stage():
    assert sorted(path.stem for path in CONFIGS.iterdir()) == sorted(name for _, name in PACKAGED)


@pytest.mark.parametrize(("stage", "name"), PACKAGED)
def test_a_packaged_config_is_documented_and_understood(stage, name):
    kind = BY_NAME[stage].config
    config = build_config(kind, read_settings(name, stage))
    assert config != kind()
    if stage == "siammotion":
        assert config.architecture().width in (64, 256)
    assert find_packaged_configs(stage)[name][-1] in ".:"
    assert all(len(line) <= 100 for line in (CONFIGS / f"{name}.yaml").read_text().splitlines())


def test_a_packaged_config_extends_another():
    settings = read_settings("siammotion-wide", "siammotion")
    assert settings["sampling"] == read_settings("siammotion-base", "siammotion")["sampling"]
    assert (settings["steps"], settings["seed"]) == (60, 1)


def test_a_file_extends_files_and_packaged_configs(tmp_path, monkeypatch):
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.toml").write_text('extends = "inner/b.yaml"\nsteps = 1\n[loss]\nradius = 3.0\n')
    (tmp_path / "inner" / "b.yaml").write_text("extends: ../c.yml\nsteps: 2\nloss: {hardest: 5}\n")
    (tmp_path / "c.yml").write_text("extends: siammotion\nsteps: 3\n")
    monkeypatch.chdir(tmp_path)
    settings = read_settings("a.toml", "siammotion")
    assert (settings["steps"], settings["ema_decay"]) == (1, 0.9998)
    assert settings["loss"] == {"hardest": 5, "radius": 3.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: b.yaml", r"a\.yaml: extends itself"),
        ("extends: a.yaml", r"a\.yaml: extends itself"),
        ("extends: [siamfc]", "'extends' must be a name or path"),
        ("extends: siamfc-gpu", "unknown packaged config 'siamfc-gpu': did you mean 'siamfc'"),
        ("extends: siammt", "siammt: is a config of the stage siammt, not of siamfc"),
    ],
)
def test_an_extends_that_cannot_be_is_named(text, message, tmp_path):
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text("extends: a.yaml")
    with pytest.raises(UsageError, match=message):
        read_settings(str(tmp_path / "a.yaml"), "siamfc")


def test_a_file_goes_before_a_packaged_config_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "siamfc.yaml").write_text("steps: 5")
    assert read_settings("siamfc", "siamfc")["steps"] == 60000
    assert read_settings("siamfc.yaml", "siamfc") == {"steps": 5}


def test_settings_are_merged_name_by_name():
    old = {"a": 1, "b": {"c": [1], "d": 2}}
    assert merge_settings(old, {"b": {"c": [3]}, "e": 4}) == {
        **old,
        "b": {"c": [3], "d": 2},
        "e": 4,
    }
    assert old == {"a": 1, "b": {"c": [1], "d": 2}}


def test_the_command_names_the_nearest_config(capsys):
    assert main(["siammotion", "--config", "siammotion-wyde", "--print-config"]) == 2
    assert "did you mean 'siammotion-wide'" in capsys.readouterr().err
