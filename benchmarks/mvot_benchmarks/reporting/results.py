"""The results of a run of ``mvot-bench`` as one JSON file, which a later run continues.

``--json FILE`` holds one object. ``schema`` is 1; ``command`` is the command's name and
``arguments`` the command line, with paths reduced to their last names; ``settings`` are the options
that hold for all rows; ``environment`` says what ran where: ``commit`` (of a checkout, with
"-dirty" where it was changed, else null), ``version``, ``device``, ``cpu``, ``threads`` and the
versions of ``packages`` (null where one is not installed); ``date`` is when the run began or was
continued; ``complete`` is false where it was interrupted. ``rows`` are the measurements, one object
for each sequence, engine, k, ... with the fields of the command's result class; a value that is not
a finite number is null.
"""

import hashlib
import json
import math
import os
import platform
import re
import shlex
import subprocess
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any, Generic, TypeVar

from mvot_plugin.config import build_config
from mvot_plugin.errors import InputError, OutputError, UsageError
from mvot_plugin.extras import has_torch, require_torch
from mvot_plugin.runtimes.reading import check_file, read_json
from mvot_plugin.threads import check_threads

__all__ = [
    "SCHEMA",
    "Results",
    "describe_environment",
    "format_command",
    "name_with_hash",
    "read_results",
    "strip_folders",
    "utc_now",
]

SCHEMA = 1
_PACKAGES = (
    *("torch", "onnxruntime", "numpy", "opencv-python", "ultralytics", "norfair", "trackers"),
)

ResultT = TypeVar("ResultT")


@dataclass(kw_only=True)
class Results(Generic[ResultT]):
    """The rows of one run, and their file.

    An existing file of the same command, settings and environment is continued: its rows are not
    measured again. Raises ``UsageError`` where settings or environment differ.
    """

    kind: type[ResultT]
    """The class of the rows."""
    command: str
    arguments: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    date: str = ""
    path: Path | None = None
    """The file, written after each row; None keeps the rows in memory."""
    complete: bool = False
    rows: list[ResultT] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.path is None or not self.path.exists():
            return
        stored = read_results(self.path, {self.command: self.kind})
        for name in ("settings", "environment"):
            old, new = getattr(stored, name), getattr(self, name)
            changed = [key for key in {**old, **new} if old.get(key) != new.get(key)]
            if changed:
                raise UsageError(
                    f"--json {self.path}: was made with another {changed[0]} "
                    f"({old.get(changed[0])}, now {new.get(changed[0])}); name another file"
                )
        self.rows = stored.rows

    def get_or_measure(self, measure: Callable[[], ResultT], **key: Any) -> tuple[ResultT, bool]:
        """The row whose fields have the values of ``key``, and whether it had to be measured."""
        for row in self.rows:
            if all(getattr(row, name) == value for name, value in key.items()):
                return row, False
        row = measure()
        self.rows.append(row)
        self.write()
        return row, True

    def write(self) -> None:
        """Write the file, by renaming a complete one: it is never half written."""
        if self.path is None:
            return
        head = {"schema": SCHEMA, **{name: getattr(self, name) for name in _HEAD_FIELDS}}
        lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
        values = (_to_json(asdict(typing.cast(Any, row))) for row in self.rows)
        rows = ",\n".join(f"  {json.dumps(value)}" for value in values)
        text = ",\n".join([*lines, f' "rows": [\n{rows}\n ]'])
        part = self.path.with_name(f".{self.path.name}.part")
        try:
            part.write_text(f"{{\n{text}\n}}\n", encoding="utf-8")
            part.replace(self.path)
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}") from error

    def __enter__(self) -> Any:
        self.complete = False
        self.write()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.complete = kind is None
        self.write()


_HEAD_FIELDS = ("command", "arguments", "settings", "environment", "date", "complete")


def read_results(path: Path, kinds: Mapping[str, type[Any]]) -> Results[Any]:
    """Read a file of results; ``kinds`` are the result classes by command.

    Raises ``InputError`` for a file that is missing, damaged, or of another command.
    """
    check_file(path, "file of results")
    try:
        stored = read_json(path.read_bytes())
        if stored["schema"] != SCHEMA:
            raise ValueError(f"its schema is {stored['schema']}, not {SCHEMA}")
        head = {name: stored[name] for name in _HEAD_FIELDS}
        if head["command"] not in kinds:
            raise ValueError(f"it is of the command {head['command']!r}, not {', '.join(kinds)}")
        kind = kinds[head["command"]]
        rows = [build_config(kind, row, noun="field", null_as_nan=True) for row in stored["rows"]]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, UsageError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise InputError(f"{path}: not a JSON of this mvot-bench: {reason}") from error
    return Results(kind=kind, rows=rows, **head)


def _to_json(value: Any) -> Any:
    """A value with tuples as lists, and null for NaN and infinity."""
    if isinstance(value, dict):
        return {name: _to_json(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def strip_folders(arguments: Sequence[str]) -> list[str]:
    """A command line with paths reduced to their last names."""
    return [re.sub(r"[^\s=:]*/(?=[^/])", "", one.rstrip("/")) for one in arguments]


def name_with_hash(path: str) -> str:
    """A file of weights or detections by name and SHA-256; "auto" and the like unchanged.

    A folder is hashed by the ONNX files in it.
    """
    if path.startswith("replay:"):
        return f"replay:{name_with_hash(path.removeprefix('replay:'))}"
    files = sorted(Path(path).glob("*.onnx")) if Path(path).is_dir() else [Path(path)]
    if not any(file.is_file() for file in files):
        return path
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    return f"{Path(path).absolute().name} (sha256 {digest[:12]})"


def describe_environment(device: str, threads: int | None = None) -> dict[str, Any]:
    """The code, device and packages of this process, as in the file.

    ``threads`` are as many as a command was given, if any. Raises ``UsageError`` for an unknown
    device.
    """
    return {
        "commit": _commit(),
        "version": _version("mvot-plugin"),
        "device": _describe_device(device),
        "cpu": _cpu(),
        "threads": check_threads(threads),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def utc_now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def format_command(arguments: Sequence[str]) -> str:
    """The command line of a run, quoted for a shell."""
    return shlex.join(["mvot-bench", *arguments])


def _describe_device(device: str) -> str:
    """The name of a GPU, or the kind of another device; without torch there is only the CPU."""
    if device in ("auto", "cpu") and not has_torch():
        return "cpu"
    require_torch(f"device {device!r}")
    import torch

    from mvot_plugin.runtimes.devices import choose_device

    chosen = choose_device(device)
    return torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else chosen.type


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of the checkout that this file is part of; None outside a checkout."""
    file = Path(__file__)
    git = ["git", "-C", str(file.parent)]
    describe = ["describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        for arguments in (["ls-files", "--error-unmatch", file.name], describe):
            process = subprocess.run([*git, *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return process.stdout.strip()


def _cpu() -> str:
    """The processor's name and its number of cores."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    model = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return f"{model[1] if model else platform.processor()}, {os.cpu_count()} cores"
