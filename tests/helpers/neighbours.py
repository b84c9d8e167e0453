"""Measuring an engine's rate, alone and beside processes that keep every core busy."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

__all__ = ["EngineProcess", "busy_neighbours"]

_MEASURE = """\
import json, sys, time, warnings
from mvot_plugin.threads import check_threads, limit_threads

name, options = sys.argv[1], json.loads(sys.argv[2])
with limit_threads(check_threads(options.get("threads"))):
    from mvot_plugin.engines import load_engine
    from mvot_synthetic import street

    scene = street(seed=1, size=(640, 480), frames=6, walkers=10, vehicles=0, cyclists=0)
    first, *frames = list(scene)
    engine = load_engine(name, **options)
    targets = engine.enroll(engine.observe(first), scene.ground_truth(0).xyxy)

    def count_frames(seconds):
        start, done = time.perf_counter(), 0
        while done < 3 or time.perf_counter() - start < seconds:
            engine.track(engine.observe(frames[done % len(frames)]), targets)
            done += 1
        return done / (time.perf_counter() - start)

    count_frames(0.3)
    for seconds in sys.stdin:
        print(count_frames(float(seconds)), flush=True)
"""
"""Tracks ten targets in frames of 640x480, as a command would; answers each number of seconds on
its standard input with frames per second."""


class EngineProcess:
    """An engine in a process of its own; a context manager."""

    def __init__(self, name, **options):
        self._process = subprocess.Popen(
            [sys.executable, "-c", _MEASURE, name, json.dumps(options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def measure(self, seconds):
        """Frames per second, over some seconds."""
        print(seconds, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.communicate(timeout=60)


@contextmanager
def busy_neighbours():
    """As many processes that never sleep as there are cores, while a ``with`` lasts."""
    code = "print(flush=True)\nwhile True: pass"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    command = [sys.executable, "-c", code]
    loops = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(cores)]
    try:
        for loop in loops:
            loop.stdout.readline()
        yield
    finally:
        for loop in loops:
            loop.kill()
        for loop in loops:
            loop.communicate()
