"""Settings in dataclasses: their ranges, their files, and how they are written as YAML."""

from mvot_plugin.config.building import build_config
from mvot_plugin.config.files import parse_yaml, read_config_file
from mvot_plugin.config.formatting import format_config
from mvot_plugin.config.ranges import (
    CheckedConfig,
    Count,
    Finite,
    Fraction,
    NonNegative,
    Positive,
    Range,
    check_values,
)

__all__ = [
    "CheckedConfig",
    "Count",
    "Finite",
    "Fraction",
    "NonNegative",
    "Positive",
    "Range",
    "build_config",
    "check_values",
    "format_config",
    "parse_yaml",
    "read_config_file",
]
