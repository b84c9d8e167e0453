"""The settings of ``mvot-run``; how settings are read and written is tested in ``tests/plugin``."""

import pytest

from mvot_pipelines.cli import main
from mvot_pipelines.config import RunConfig
from mvot_plugin.config import build_config
from mvot_plugin.errors import UsageError


def test_defaults_hold_where_nothing_is_given():
    assert build_config(RunConfig, {}) == RunConfig()


def test_nested_settings_reach_their_place_and_whole_numbers_serve_as_floats():
    config = build_config(
        RunConfig,
        {"conf": 1, "pipeline": {"affinity": {"gate": 0.3}, "on_detector_error": "coast"}},
    )
    assert config.conf == 1.0
    assert config.pipeline.affinity.gate == 0.3
    assert config.pipeline.on_detector_error == "coast"
    assert config.pipeline.lifecycle == RunConfig().pipeline.lifecycle


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"detect_every": "5"}, "--detect-every must be 1 or more, or auto, got '5'"),
        ({"detect_every": 0}, "run.yaml: setting 'detect_every' must be 1 or more, got 0"),
        ({"detector_share": 0.3}, "--detector-share needs --detect-every auto"),
        (
            {"detect_every": "auto", "detector_share": 0.3, "budget": 20},
            "--detector-share and --budget exclude each other",
        ),
        ({"budget": 0}, "run.yaml: setting 'budget' must be 0.001 or more, got 0"),
        ({"reconnect": -1}, "'reconnect' must be 0 or more, got -1"),
        ({"asynchronous": "treads"}, "did you mean 'thread'"),
        ({"detect_every": True}, "'detect_every' must be int or str, got True"),
        ({"conf": "high"}, "'conf' must be float or nothing, got 'high'"),
        ({"pipeline": 3}, "'pipeline' must be settings, got 3"),
        ({"pipeline": {"affinity": {"gat": 1}}}, "did you mean 'pipeline.affinity.gate'"),
        ({"pipeline": {"on_detector_error": "cost"}}, "did you mean 'coast'"),
        ({"engin": "hold"}, "run.yaml: unknown setting 'engin': did you mean 'engine'"),
        ({"frame_rate": 0}, "'frame_rate' must be 0.001 or more, got 0"),
        ({"threads": 0}, "'threads' must be 1 or more, got 0"),
        ({"threads": 1.5}, "'threads' must be int or nothing, got 1.5"),
        ({"frame_rate": float("nan")}, "'frame_rate' must be a number, got nan"),
    ],
)
def test_a_wrong_setting_is_named(settings, message):
    with pytest.raises(UsageError) as caught:
        build_config(RunConfig, settings, origin="run.yaml: ")
    assert message in str(caught.value)


def test_printed_settings_are_documented_and_are_a_config_file(tmp_path, capsys):
    path = tmp_path / "run.yaml"
    assert main(["video.mp4", "--detect-every", "3", "--conf", "0.25", "--print-config"]) == 0
    path.write_text(capsys.readouterr().out)
    assert main(["--config", str(path), "--print-config"]) == 0
    assert capsys.readouterr().out == path.read_text()
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        assert line.lstrip().startswith("#") or lines[number - 1].lstrip().startswith("#"), line
        assert len(line) <= 88
