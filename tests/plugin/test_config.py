import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isnan
from typing import Any, Literal

import pytest
import yaml

from mvot_plugin.config import build_config, format_config, read_config_file
from mvot_plugin.errors import InputError, UsageError


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A nested config."""

    weight: float = 1.0
    """The ``weight`` of
    the loss."""
    hardest: int = 32


@dataclass(frozen=True, kw_only=True)
class Base:
    """What others extend."""

    steps: int = 10
    """Steps in total."""
    rate: float = 1e-5
    """The learning rate."""


@dataclass(frozen=True, kw_only=True)
class Config(Base):
    """One field of each type."""

    steps: int = 20
    rate: float = 2e-5
    """Another rate."""
    name: str | None = None
    kind: Literal["fail", "coast"] = "fail"
    names: tuple[str, ...] = ()
    shares: tuple[float, ...] = (0.5, 1.0)
    line: tuple[float, float] | None = None
    weights: Mapping[str, float] = field(default_factory=lambda: {"a": 0.5})
    changes: Mapping[str, Any] = field(default_factory=dict)
    loss: Loss = field(default_factory=Loss)
    """The loss."""


@dataclass(frozen=True, kw_only=True)
class Row:
    iou: float
    best: float | None = None


CHANGED = {
    "steps": 3,
    "rate": 1,
    "name": "yes: no",
    "kind": "coast",
    "names": ["a", "null"],
    "shares": [1],
    "line": [1, -2.5],
    "weights": {"b": 2},
    "changes": {"deep": {"er": [1, "x"]}},
    "loss": {"hardest": 0},
}


def test_values_take_the_types_of_their_fields():
    config = build_config(Config, CHANGED)
    assert (config.rate, config.names, config.line) == (1.0, ("a", "null"), (1.0, -2.5))
    assert isinstance(config.rate, float)
    assert config.loss == Loss(hardest=0)
    assert config.weights == {"b": 2.0}
    assert build_config(Config, {"loss": Loss(weight=3.0)}).loss.weight == 3.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stepz": 1}, "f: unknown setting 'stepz': did you mean 'steps'"),
        ({"loss": {"wait": 1}}, "unknown setting 'loss.wait': did you mean 'loss.weight'"),
        ({"loss": 1}, "setting 'loss' must be settings, got 1"),
        ({"steps": 1.5}, "setting 'steps' must be int, got 1.5"),
        ({"name": 3}, "setting 'name' must be str or nothing, got 3"),
        ({"names": "a"}, "setting 'names' must be a list, got 'a'"),
        ({"names": ["a", 3]}, "setting 'names[1]' must be str, got 3"),
        ({"line": [1]}, "setting 'line' must be a list of 2 or nothing, got [1]"),
        ({"weights": {"b": "much"}}, "setting 'weights.b' must be float, got 'much'"),
        ({"kind": "cost"}, "unknown kind 'cost': did you mean 'coast'"),
    ],
)
def test_a_wrong_value_is_named(values, message):
    with pytest.raises(UsageError) as caught:
        build_config(Config, values, origin="f: ")
    assert str(caught.value).startswith("f: ")
    assert message in str(caught.value)


def test_rows_of_results_have_nan_for_null_and_no_field_missing():
    row = build_config(Row, {"iou": None, "best": None}, null_as_nan=True)
    assert isnan(row.iou)
    assert row.best is None
    with pytest.raises(UsageError, match="field 'iou' is missing"):
        build_config(Row, {}, noun="field")
    with pytest.raises(UsageError, match="'iou' must be float, got None"):
        build_config(Row, {"iou": None})


@pytest.mark.parametrize("config", [Config(), build_config(Config, CHANGED)])
def test_what_is_written_is_read_back(config, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(format_config(config))
    assert build_config(Config, read_config_file(path)) == config


def test_the_documentation_of_a_setting_stands_above_it():
    lines = format_config(Config()).splitlines()
    assert lines[:4] == ["# Steps in total.", "steps: 20", "# Another rate.", "rate: 2.0e-05"]
    assert lines[-5:] == [
        "# The loss.",
        "loss:",
        "  # The weight of the loss.",
        "  weight: 1.0",
        "  hardest: 32",
    ]


def test_comments_are_wrapped_and_settings_are_not():
    @dataclass(frozen=True, kw_only=True)
    class Long:
        names: tuple[str, ...] = ("a long name",) * 20
        """Many words, many words, many words, many words, many words, many words, many words, many
        words, many words, many words."""

    lines = format_config(Long()).splitlines()
    assert [line[:2] for line in lines] == ["# ", "# ", "na"]
    assert len(yaml.safe_load(lines[2])["names"]) == 20


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
        read_config_file(path)
    assert message in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_yaml_and_toml_are_equivalent(tmp_path):
    (tmp_path / "a.yaml").write_text("engine: hold\npipeline:\n  reenroll: 0.7\n")
    (tmp_path / "a.toml").write_text('engine = "hold"\n[pipeline]\nreenroll = 0.7\n')
    (tmp_path / "empty.yml").write_text("")
    assert read_config_file(tmp_path / "a.yaml") == read_config_file(tmp_path / "a.toml")
    assert read_config_file(tmp_path / "empty.yml") == {}


def test_reading_settings_loads_no_network_library():
    code = "import sys, mvot_plugin.config; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
