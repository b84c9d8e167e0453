"""Runs that fail: what was there before stays, what was written is whole."""

import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random

from faults.outputs.places import OPTIONS, name_output
from helpers.faults.case import Case, Outcome, Trial, run_mvot
from helpers.pipelines.mvot_run import read_properties
from mvot_pipelines import loading

_FRAMES = 60


def cases(random: Random) -> Iterator[Case]:
    for ending in OPTIONS:
        yield from _list_failures(ending)
        yield from _list_full_disks(ending, random)
        yield Case(
            name=f"{ending}: two runs at once",
            prepare=partial(name_output, name=f"out.{ending}", frames=_FRAMES),
            run=_run_two,
            expect="done",
            quick=ending == "mp4",
            check=partial(_check_whole, ending=ending),
        )


def _list_failures(ending: str) -> Iterator[Case]:
    """Runs that end before the first frame: nothing changes."""
    failures = {
        "no such detector": ["--detector", "nowhere.onnx"],
        "no such engine": ["--detections", "det.txt", "--engine", "nowhere"],
        "no such source": ["nowhere.mp4", "--detections", "det.txt"],
        "a source that is no video": ["det.txt", "--detections", "det.txt"],
    }
    for name, options in failures.items():
        yield Case(
            name=f"{ending}: over an old file, {name}",
            prepare=partial(_prepare_old, ending=ending, options=options),
            expect="refused",
            outputs=(),
            quick=ending == "txt" and name == "no such detector",
        )
    yield Case(
        name=f"{ending}: over an old file, the detector fails on the first frame",
        prepare=partial(_prepare_old, ending=ending, options=["--detector", "failing"]),
        run=_run_failing_detector,
        expect="refused",
        outputs=(),
        quick=ending in ("txt", "mp4"),
    )


def _prepare_old(trial: Trial, *, ending: str, options: list[str]) -> Sequence[object]:
    """Options may begin with a source of their own."""
    trial.clip()
    trial.detections()
    (trial.folder / f"out.{ending}").write_bytes(b"old")
    source = ["clip.mp4"] if options[0].startswith("--") else []
    return [*source, *options, OPTIONS[ending], f"out.{ending}"]


def _run_failing_detector(*arguments: object) -> int:
    def fail(_: object) -> object:
        raise RuntimeError("out of order")

    loading.load_detector = lambda *_, **__: fail
    return run_mvot(*arguments)


def _list_full_disks(ending: str, random: Random) -> Iterator[Case]:
    """A disk that takes so many bytes a file, fewer than the output needs."""
    largest = {"txt": 3_900, "jsonl": 11_000, "mp4": 100_000, "avi": 300_000}[ending]
    for size in sorted(random.sample(range(1_000, largest), 10)):
        yield Case(
            name=f"{ending}: a disk that takes {size} bytes",
            prepare=partial(name_output, name=f"out.{ending}", frames=_FRAMES, make=_write_old),
            run=partial(_run_on_small_disk, size),
            expect="refused",
            check=partial(_check_prefix, ending=ending),
        )


def _write_old(path: Path) -> None:
    path.write_bytes(b"old")


def _run_on_small_disk(size: int, *arguments: object) -> int:
    """Run, and then again where there is room."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    code = run_mvot(*arguments, "--quiet")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    run_mvot(*arguments[:-1], f"out-whole{Path(str(arguments[-1])).suffix}", "--quiet")
    return code


def _check_prefix(trial: Trial, _: Outcome, *, ending: str) -> str:
    """What is wrong: the output is neither the old file nor a start of the whole one."""
    path, whole = (trial.folder / f"{name}.{ending}" for name in ("out", "out-whole"))
    content = path.read_bytes()
    if content == b"old":
        return ""
    if ending in ("mp4", "avi"):
        return "" if 0 < read_properties(path)[0] < _FRAMES else "the video does not play"
    rest = whole.read_bytes().removeprefix(content).splitlines()
    if not content.endswith(b"\n") or len(rest) == len(whole.read_bytes().splitlines()):
        return "the text is not the start of the whole one"
    key = b"," if ending == "txt" else b', "timestamp"'
    last = content.splitlines()[-1].split(key)[0]
    return "" if rest[0].split(key)[0] != last else "the last frame is not whole"


def _run_two(*arguments: object) -> int:
    """Run the command twice at once, and then alone; one of the two may find itself replaced."""
    command = [sys.executable, "-m", "mvot_pipelines.cli", *map(str, arguments), "--quiet"]
    other = subprocess.Popen(command)
    codes = run_mvot(*arguments, "--quiet"), other.wait()
    run_mvot(*arguments[:-1], f"out-whole{Path(str(arguments[-1])).suffix}", "--quiet")
    return min(codes) if max(codes) <= 1 else max(codes)


def _check_whole(trial: Trial, outcome: Outcome, *, ending: str) -> str:
    path, whole = (trial.folder / f"{name}.{ending}" for name in ("out", "out-whole"))
    if path.read_bytes() != whole.read_bytes():
        return "the output is that of neither run"
    surprises = [line for line in outcome.stderr.splitlines() if "was removed or" not in line]
    return "\n".join(surprises)
