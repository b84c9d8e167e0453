"""Dataclasses of settings as documented YAML."""

from dataclasses import dataclass

import pytest
import yaml

from helpers.plugin.configs import CHANGED, Config
from mvot_plugin.config import build_config, format_config, read_config_file


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
