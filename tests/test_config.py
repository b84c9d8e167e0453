from dataclasses import dataclass

import pytest

from mvot_pipelines.config import RunConfig, build, read_settings
from mvot_plugin.errors import InputError, UsageError


def test_defaults_hold_where_nothing_is_given():
    assert build(RunConfig, {}) == RunConfig()


def test_nested_settings_reach_their_place_and_whole_numbers_serve_as_floats():
    config = build(
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
        ({"detect_every": "5"}, "'detect_every' must be int, got '5'"),
        ({"detect_every": True}, "'detect_every' must be int, got True"),
        ({"conf": "high"}, "'conf' must be float or nothing, got 'high'"),
        ({"pipeline": 3}, "'pipeline' must be settings, got 3"),
        ({"pipeline": {"affinity": {"gat": 1}}}, "did you mean 'pipeline.affinity.gate'"),
        ({"pipeline": {"on_detector_error": "cost"}}, "did you mean 'coast'"),
        ({"engin": "hold"}, "run.yaml: unknown setting 'engin': did you mean 'engine'"),
        ({"frame_rate": 0}, "--frame-rate must be above 0"),
        ({"frame_rate": float("nan")}, "--frame-rate must be above 0"),
    ],
)
def test_a_wrong_setting_is_named(settings, message):
    with pytest.raises(UsageError) as caught:
        build(RunConfig, settings, origin="run.yaml: ")
    assert message in str(caught.value)


def test_lists_become_tuples_of_what_is_wanted():
    @dataclass(frozen=True, kw_only=True)
    class Lists:
        names: tuple[str, ...] = ()
        shares: tuple[float, ...] = ()

    made = build(Lists, {"names": ["a"], "shares": [1, 0.5]})
    assert (made.names, made.shares) == (("a",), (1.0, 0.5))
    with pytest.raises(UsageError, match=r"'names\[1\]' must be str, got 3"):
        build(Lists, {"names": ["a", 3]})
    with pytest.raises(UsageError, match="'names' must be a list, got 'a'"):
        build(Lists, {"names": "a"})


def test_yaml_and_toml_say_the_same(tmp_path):
    (tmp_path / "a.yaml").write_text("engine: hold\npipeline:\n  reenroll: 0.7\n")
    (tmp_path / "a.toml").write_text('engine = "hold"\n[pipeline]\nreenroll = 0.7\n')
    (tmp_path / "empty.yml").write_text("")
    assert read_settings(tmp_path / "a.yaml") == read_settings(tmp_path / "a.toml")
    assert read_settings(tmp_path / "empty.yml") == {}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "engine: [", "not valid"),
        ("a.toml", "engine = ", "not valid"),
        ("a.yaml", "- 1\n- 2", "expected 'name: value' settings"),
        ("a.json", "{}", "must end in .yaml"),
        ("missing.yaml", None, "No such file"),
    ],
)
def test_a_file_that_holds_no_settings_is_named(tmp_path, name, text, message):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises((InputError, UsageError)) as caught:
        read_settings(path)
    assert message in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
