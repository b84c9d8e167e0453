"""`mvot-bench soak`: growth is found, a flat run passes, an interrupted one is continued."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from mvot_benchmarks.cli import main
from mvot_benchmarks.soak.measurement import SoakResult, measure_soak
from mvot_benchmarks.soak.meter import Tenth
from mvot_benchmarks.soak.process import run_in_process
from mvot_benchmarks.soak.tables import describe_failures, format_table
from mvot_plugin.engines.hold import HoldEngine
from mvot_plugin.errors import InputError, UsageError

SOAK = ("soak", "--engine", "hold", "--frames", "40")


KEPT = []


class LeakingEngine(HoldEngine):
    """Keeps 100 KB of every frame."""

    def observe(self, frame):
        KEPT.append(bytearray(100_000))
        return super().observe(frame)


def result_with(column, values):
    """A result of ten equal tenths but for one column."""
    tenth = Tenth(memory=300.0, cpu=5.0, wall=6.0, threads=4, files=9)
    tenths = tuple(replace(tenth, **{column: value}) for value in values)
    return SoakResult(
        engine="hold", runtime="auto", frames=5000, identities=7, failures=3, tenths=tenths
    )


def stop_the_process():
    raise SystemExit(3)


def refuse():
    raise UsageError("the sentence")


def test_an_engine_that_keeps_something_of_every_frame_is_found():
    leaking = run_in_process(measure_soak, LeakingEngine(), "leaking", "auto", 200, 0)
    assert leaking.growth("memory") > 10
    assert "memory" in leaking.grown
    assert len(leaking.tenths) == 10
    assert leaking.identities > 20
    assert leaking.failures > 0
    assert all(tenth.threads > 0 and tenth.files > 0 for tenth in leaking.tenths)
    assert all(0 < tenth.cpu < math.inf for tenth in leaking.tenths)


def test_a_kilobyte_of_each_of_5000_frames_counts_and_noise_of_the_allocator_does_not():
    frames_of_a_tenth = np.arange(10) * 500
    leaking = result_with("memory", (300 + frames_of_a_tenth * 1e-3).tolist())
    assert leaking.grown.keys() == {"memory"}
    noise = [0.2, -0.2, 0.1, 0, -0.1, 0.2, -0.2, 0, 0.1, 0.2]
    flat = result_with("memory", [300 * (1 + percent / 100) for percent in noise])
    assert not flat.grown


def test_what_the_first_tenth_takes_is_no_growth():
    assert not result_with("memory", [100.0, *[300.0] * 9]).grown


@pytest.mark.parametrize("column", ["threads", "files"])
def test_one_more_thread_or_file_is_growth(column):
    result = result_with(column, [9] * 9 + [10])
    assert result.grown.keys() == {column}
    assert describe_failures([result]) == f"hold: {column} grew by 11.1 %"
    assert "10 (+11.1 %, **FAILED**)" in format_table([result])
    assert "5.00 (+0.0 %, flat)" in format_table([result])


def test_the_same_seed_is_the_same_run():
    one, same, other = (
        measure_soak(HoldEngine(), "hold", "auto", 60, seed).identities for seed in (1, 1, 2)
    )
    assert one == same > 0
    assert other != one


def test_a_process_answers_with_its_error_or_that_it_ended():
    with pytest.raises(UsageError, match="the sentence"):
        run_in_process(refuse)
    with pytest.raises(InputError, match="the process ended, with exit code 3"):
        run_in_process(stop_the_process)


def test_a_run_is_continued_at_the_next_engine_and_ends_with_its_verdict(tmp_path, capsys):
    path = tmp_path / "soak.json"
    assert main([*SOAK, "--json", str(path)]) in (0, 1)  # forty frames say nothing about memory
    stored = json.loads(path.read_text())
    assert (stored["command"], stored["complete"]) == ("soak", True)
    assert len(stored["rows"][0]["tenths"]) == 10
    stored["rows"][0]["tenths"][-1]["threads"] += 5
    path.write_text(json.dumps(stored))
    capsys.readouterr()
    more = ["soak", "--engine", "hold", "kalman", "--frames", "40", "--json", str(path)]
    assert main(more) == 1
    printed = capsys.readouterr()
    assert printed.err.count(f"(from {path})") == 1
    assert "hold: threads grew by" in printed.err.splitlines()[-1]
    assert "| kalman, by tenths |" in printed.out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--engine", "holt"], "unknown engine 'holt'"),
        (["--runtime", "tensorrt"], "unknown runtime 'tensorrt'"),
        (["--frames", "9"], "--frames 9: must be 10 or more"),
        (["--seed", "-1"], "--seed -1: must be 0 or more"),
    ],
)
def test_a_bad_option_gets_a_sentence(options, sentence, capsys):
    assert main(["soak", *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line
