"""The options of the command line with values that make no sense."""

from collections.abc import Iterator

from faults.settings.runs import check_tracks, start
from helpers.faults.case import Case
from mvot_pipelines.cli.options import build_parser

VALUES = {
    "nothing": "",
    "a blank": " ",
    "0": "0",
    "minus one": "-1",
    "not a number": "nan",
    "infinity": "inf",
    "the largest float": "1e308",
    "nearly nothing": "1e-300",
    "5,000 digits": "1" * 5000,
    "5,000 letters": "x" * 5000,
    "digits of another script": "٣",
    "a null byte": "a\0b",
    "a byte that is no text": "\udcff",
    "half a character": "\ud800",
    "a line break": "a\nb",
    "terminal sequences": "\x1b[2J\x1b]0;title\x07",
    "patterns of formats": "%s%n{0}{x!r}$HOME`id`",
}
OTHERS: dict[str, list[str]] = {
    "a device that computes nothing": ["--device", "meta"],
    "a device of another build": ["--device", "vulkan"],
    "the hundredth GPU": ["--device", "cuda:99"],
    "a GPU of 20 digits": ["--device", "cuda:" + "9" * 20],
    "a device that computes nothing, for a network": ["--device", "meta", "--engine", "siammt"],
    "a processor that is none": ["--device", "cpu:x", "--engine", "siammt"],
    "a billion threads": ["--threads", "1000000000"],
    "as many threads as may be": ["--threads", "256"],
    "a share without auto": ["--detector-share", "0.5"],
    "an option that does not exist": ["--conff", "1"],
    "an option of 5,000 letters": ["--" + "x" * 5000],
    "an option with a null byte": ["--con\0f", "1"],
    "an option without its value": ["--conf"],
    "a value for what takes none": ["--quiet=5"],
    "two dashes at the end": ["--"],
    "a source after two dashes": ["--", "-x"],
    "10,000 sources": ["x"] * 10_000,
    "classes that are none": ["--classes", ",,,"],
    "a class of 20 digits": ["--classes", "9" * 20],
}


def cases() -> Iterator[Case]:
    for action in build_parser()._actions:
        if action.nargs == 0 or not action.option_strings or action.dest in ("help", "demo"):
            continue
        option = action.option_strings[0]
        for name, value in VALUES.items():
            yield given(f"{option}: {name}", [f"{option}={value}"], (option, name) in QUICK)
    for name, arguments in OTHERS.items():
        yield given(name, arguments, quick="computes nothing" in name)


QUICK = {
    ("--detect-every", "5,000 digits"),
    ("--conf", "not a number"),
    ("--detections", "a null byte"),
    ("--save-txt", "a null byte"),
    ("--engine", "half a character"),
}


def given(name: str, arguments: list[str], quick: bool) -> Case:
    """A case of a run with these arguments besides those that it needs."""
    return Case(
        name=name,
        prepare=lambda trial: [*start(trial), *arguments],
        check=check_tracks,
        outputs=("[!cd]*", "clip-tracks.*"),
        quick=quick,
    )
