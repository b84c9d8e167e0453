"""Runs of the pipeline with a detector that misbehaves."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from faults.detectors import failures
from faults.detectors.answers import BAD, GOOD, Answering
from helpers.faults.case import Case, Trial
from helpers.faults.material import draw_frame
from helpers.pipelines.mvot_run import COMMAND
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.types import Detections, Frame

__all__ = ["cases"]

_WORKERS: tuple[bool | str, ...] = (False, "thread", "process")
_FRAMES = 6
_LONGEST_WAIT = 45.0
_SHADOWED = ("pickle", "socket", "signal", "selectors", "multiprocessing", "numpy", "cv2")
_QUICK = (
    *("raises without a message", "raises SystemExit", "unchecked boxes of five numbers"),
    *("classes that are NaN", "boxes of the largest floats", "changes its arrays later"),
)
_FUNCTIONS = {
    **failures.FAILING,
    **failures.DETECTORS,
    **failures.HANGING,
    **failures.ENDING,
}


class Calling:
    """A detector that calls one of the functions, and can be sent to a process."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, frame: Frame) -> Any:
        return _FUNCTIONS[self._name](frame)


def cases() -> Iterator[Case]:
    """Each behaviour in each worker that it matters for."""
    for name in failures.FAILING:
        for worker in _WORKERS:
            yield _case(name, worker, Calling, "refused")
        yield _case(name, False, Calling, "done", policy="coast")
    for name in failures.DETECTORS:
        for worker in _WORKERS:
            yield _case(name, worker, Calling, "done")
    for name in failures.HANGING:
        for worker in _WORKERS[1:]:
            yield _case(name, worker, Calling, "refused")
    for name in failures.ENDING:
        yield _case(name, "process", Calling, "refused")
    for answers, expect in ((BAD, "refused"), (GOOD, "done")):
        for name in answers:
            yield _case(name, False, Answering, expect)
    for name in (*[*BAD][::8], *[*GOOD][::8]):
        for worker in _WORKERS[1:]:
            yield _case(name, worker, Answering, "refused" if name in BAD else "done")
    yield Case(name="calls step again", prepare=_nothing, run=step_again, expect="refused")
    yield Case(name="is interrupted", prepare=_nothing, run=interrupt, expect="refused")
    if sys.version_info >= (3, 11):
        yield Case(
            name="starts in a folder with modules (process)",
            prepare=_write_modules,
            run=run_command,
            expect="done",
            seconds=60.0,
            quick=True,
        )


def _case(
    name: str,
    worker: bool | str,
    make: Callable[[str], Any],
    expect: Any,
    policy: str = "fail",
) -> Case:
    return Case(
        name=f"{name} ({worker or 'at once'}, {policy})",
        prepare=partial(_arguments, make, name, worker, policy),
        run=track,
        expect=expect,
        seconds=60.0,
        quick=name in _QUICK and worker != "process" and policy == "fail",
    )


def _arguments(*values: Any) -> list[object]:
    return list(values[:-1])  # the last one is the trial


def _nothing(_: Trial) -> list[object]:
    return []


def _write_modules(trial: Trial) -> list[object]:
    for name in _SHADOWED:
        (trial.folder / f"{name}.py").write_text("open('code-ran', 'w').close()\n")
    options = ["--live", "--async-process", "--save-txt", "out.txt"]
    return [trial.clip().name, "--detections", trial.detections().name, *options]


def run_command(*arguments: object) -> int:
    """The command as it is installed, in an interpreter of its own."""
    return subprocess.run([COMMAND, *map(str, arguments)], check=False).returncode


def track(make: Callable[[str], Any], name: str, worker: bool | str, policy: Any) -> None:
    """Track until the detector has answered some calls; raises what the pipeline raises."""
    timeout = 3.0 if name in failures.HANGING else 30.0
    config = PipelineConfig(on_detector_error=policy, detector_timeout=timeout)
    with MotPipeline(make(name), "lk-flow", 2, config=config, asynchronous=worker) as pipeline:
        begin, index = time.monotonic(), 0
        while index < _FRAMES or (worker and pipeline.detector_calls < 3):
            _check(pipeline.step(_frame(index)))
            index += 1
            time.sleep(0.02 if worker else 0)
            if time.monotonic() - begin > _LONGEST_WAIT:
                raise AssertionError("the detector has not answered")


def _frame(index: int) -> Frame:
    return Frame(image=draw_frame(index % 24), index=index, timestamp=index / 25)


def _check(tracks: Any) -> None:
    boxes = tracks.xyxy
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert len(set(tracks.id.tolist())) == len(tracks)


def step_again() -> None:
    """Track with a detector that calls the pipeline."""

    def detect(frame: Frame) -> Detections:
        pipeline.step(frame)
        return Detections.empty()

    pipeline = MotPipeline(detect, "hold", 1)
    pipeline.step(_frame(0))


def interrupt() -> None:
    """Track with a detector in which the user's interrupt arrives: it ends the run."""

    def detect(_: Frame) -> Detections:
        raise KeyboardInterrupt

    try:
        MotPipeline(detect, "hold", 1).step(_frame(0))
    except KeyboardInterrupt:
        raise InputError("interrupted") from None
    raise UsageError("the interrupt was lost")
