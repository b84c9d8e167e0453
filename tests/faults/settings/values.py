"""Every setting with values that make no sense."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

from faults.settings.runs import configured
from helpers.faults.case import Case
from mvot_pipelines.config import RunConfig

NUMBERS = {
    "0": "0",
    "minus one": "-1",
    "not a number": ".nan",
    "infinity": ".inf",
    "minus infinity": "-.inf",
    "the largest float": "1.0e+308",
    "nearly nothing": "1.0e-300",
    "400 digits": "1" + "0" * 400,
    "5,000 digits": "0x" + "f" * 4200,
}
KINDS = {
    "a list": "[1, [2]]",
    "settings": "{a: {b: 1}}",
    "yes": "yes",
    "a number": "5",
    "nothing": "",
    "no text": '""',
    "a null byte": r'"a\0b"',
    "half a character": r'"\ud800"',
    "a line break": r'"a\nb"',
    "a long text": "x" * 5000,
}
LEFT_OUT = {"source", "detections", "save_txt", "save_jsonl", "save_video", "show"}
"""Settings that name files, which are another group's, and the window."""


def cases() -> Iterator[Case]:
    found = dict(list_settings(RunConfig, ""))
    for path, hints in found.items():
        for name, text in (NUMBERS if hints & {int, float} else KINDS).items():
            quick = (path, name) in QUICK
            yield configured(f"{path}: {name}", nest(path, text), "any", quick=quick)
    for path in ("pipeline", "pipeline.lifecycle", "pipeline.late"):
        for name, text in KINDS.items():
            yield configured(f"{path}: {name}", nest(path, text))


QUICK = {
    ("pipeline.lifecycle.stay_seconds", "0"),
    ("pipeline.lifecycle.newcomer_seconds", "0"),
    ("pipeline.course.measurement", "0"),
    ("detect_every", "5,000 digits"),
    ("pipeline.on_detector_error", "a list"),
    ("engine", "half a character"),
}


def list_settings(kind: Any, prefix: str) -> Iterator[tuple[str, set[type]]]:
    """The dotted names of all settings that are no groups, and the types they take."""
    hints = get_type_hints(kind)
    for field in fields(kind):
        hint = hints[field.name]
        if field.name in LEFT_OUT:
            continue
        if is_dataclass(hint):
            yield from list_settings(hint, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", {hint, *getattr(hint, "__args__", ())}


def nest(path: str, text: str) -> str:
    """A setting as YAML."""
    lines = [f"{'  ' * depth}{name}:" for depth, name in enumerate(path.split("."))]
    return "\n".join(lines) + f" {text}\n"
