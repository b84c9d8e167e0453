"""`mvot-bench stages`."""

import warnings

import pytest

from following import narrow_engine
from mvot_benchmarks import cli, stages
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import UsageError
from mvot_plugin.models.siammotion import PRESETS, SiamMotionConfig


@pytest.mark.parametrize("name", ["siammotion", "siammotion-n"])
def test_every_stage_costs_something_and_less_than_the_whole(name):
    (row,) = stages.measure(narrow_engine(name=name), [(320, 240)], [3], repeats=2)
    spent = row.milliseconds
    for whole, parts in (("observe", stages.OBSERVE), ("track", stages.TRACK)):
        assert all(spent[part] > 0 for part in parts)
        assert sum(spent[part] for part in parts) < 1.5 * spent[whole]
    assert (row.size, row.targets) == ((320, 240), 3)


def test_an_engine_without_stages_is_refused():
    with pytest.raises(UsageError, match="HoldEngine has no stages"):
        list(stages.measure(load_engine("hold"), [(320, 240)], [1]))


def test_the_command_prints_a_table(monkeypatch, capsys):
    monkeypatch.setitem(PRESETS, "siammotion", SiamMotionConfig(width=16, backbone_width=16))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arguments = ["--weights", "random", "--size", "320x240", "--targets", "2"]
        assert cli.main(["stages", *arguments, "--device", "cpu", "--precision", "fp32"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[2].startswith("| 320x240 | 2 | ")


@pytest.mark.parametrize("size", ["640", "640x", "0x480", "axb"])
def test_a_size_that_is_none_is_named(size, capsys):
    arguments = ["stages", "--engine", "siammotion", "--weights", "random", "--size", size]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert cli.main(arguments) == 2
    assert f"--size {size!r}" in capsys.readouterr().err
