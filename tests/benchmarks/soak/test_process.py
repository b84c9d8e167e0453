"""A function in a process of its own, which ends with its parent."""

import os
import signal
import subprocess
import sys
import time

import pytest

from helpers.paths import ROOT

PARENT = """
import os, sys, time
from mvot_benchmarks.soak.process import run_in_process
from soak_child import wait
if __name__ == "__main__":
    run_in_process(wait)
"""
CHILD = """
import os, time
def wait():
    print(os.getpid(), flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_process_ends_with_its_parent(tmp_path, number):
    (tmp_path / "parent.py").write_text(PARENT)
    (tmp_path / "soak_child.py").write_text(CHILD)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, tmp_path / "parent.py"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT,
    ) as parent:
        child = int(parent.stdout.readline())
        parent.send_signal(number)
        parent.wait(timeout=30)
    deadline = time.monotonic() + 30
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(child)


def is_running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
