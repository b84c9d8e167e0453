"""Dataclasses of settings from plain values."""

from math import isnan

import pytest

from helpers.plugin.configs import CHANGED, Config, Loss, Row
from mvot_plugin.config import build_config
from mvot_plugin.errors import UsageError


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
        ({"kind": ["coast"]}, "setting 'kind' must be fail or coast, got ['coast']"),
        ({"steps": [10**5000]}, "'steps' must be int, got a number of thousands of digits"),
        ({"rate": 10**400}, "'rate' must be float, got 1000"),
        ({"names": "x" * 5000}, "must be a list, got 'xxx"),
        ({"x" * 5000: 1}, "unknown setting 'xxx"),
        (
            {"name": "a\0b"},
            "setting 'name' has a character that no name may have, got 'a\\x00b'",
        ),
        (
            {"name": "\ud800"},
            "setting 'name' has a character that no name may have, got '\\ud800'",
        ),
    ],
)
def test_a_wrong_value_is_named(values, message):
    with pytest.raises(UsageError) as caught:
        build_config(Config, values, origin="f: ")
    assert str(caught.value).startswith("f: ")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300


def test_rows_of_results_have_nan_for_null_and_no_field_missing():
    row = build_config(Row, {"iou": None, "best": None}, null_as_nan=True)
    assert isnan(row.iou)
    assert row.best is None
    with pytest.raises(UsageError, match="field 'iou' is missing"):
        build_config(Row, {}, noun="field")
    with pytest.raises(UsageError, match="'iou' must be float, got None"):
        build_config(Row, {"iou": None})
