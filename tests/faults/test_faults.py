"""The quick cases of every group, and the suite itself."""

import os
import signal
import time
from pathlib import Path

import pytest

from helpers.faults.case import Case
from helpers.faults.suite import find_groups, format_table, list_cases, try_case

QUICK = [(group, case) for group in find_groups() for case in list_cases(group, 0) if case.quick]


@pytest.mark.parametrize(
    ("group", "case"), [pytest.param(*one, id=f"{one[0]}: {one[1].name}") for one in QUICK]
)
def test_nothing_breaks(group, case):
    assert not try_case(group, case, 0).faults


def raise_an_error():
    raise ValueError("unexpected")


def end_by_a_signal():
    os.kill(os.getpid(), signal.SIGSEGV)


def hang():
    time.sleep(60)


def print_on_stderr():
    os.write(2, b"libpng error\n")


def write_a_file():
    Path("new.txt").write_text("x")


def take_memory():
    bytearray(b"1") * (600 << 20)


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (raise_an_error, "a traceback"),
        (end_by_a_signal, "it ended with -11"),
        (hang, "it did not end within"),
        (print_on_stderr, "a line on stderr that is not ours: 'libpng error'"),
        (write_a_file, "the file 'new.txt' came"),
        (take_memory, "it took"),
    ],
)
def test_the_rules_find_what_is_wrong(function, fault):
    seconds = 2.0 if function is hang else 20.0
    case = Case(
        name="broken",
        prepare=lambda trial: [],
        run=function,
        seconds=seconds,
        most_bytes=500 << 20,
    )
    faults = try_case("inputs", case, 0).faults
    assert len(faults) == 1
    assert faults[0].startswith(fault)


def test_a_valid_run_holds_and_the_table_counts_it():
    def prepare(trial):
        detections = trial.detections()
        return [trial.clip(), "--detections", detections, "--save-txt", "out.txt"]

    attempt = try_case("inputs", Case(name="valid", prepare=prepare, expect="done"), 0)
    assert attempt.faults == []
    assert "| inputs | 1 | 1 |" in format_table([attempt])
