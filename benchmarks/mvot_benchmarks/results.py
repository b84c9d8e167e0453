"""What a run of ``mvot-bench`` found, as one JSON file that can be gone on with (``--json FILE``).

A file is one object. ``schema`` is 1; ``command`` is the command's name and ``arguments`` the
command line, of whose paths only the last names are kept; ``settings`` are the options that hold
for all rows; ``environment`` says what ran where: ``commit`` (of a checkout, with "-dirty" where it
was changed, else null), ``version``, ``device``, ``cpu``, ``threads`` and the versions of
``packages`` (null where one is not installed); ``date`` is when the run began or went on;
``complete`` is false where it was cut short. ``rows`` hold what was measured, one object for each
sequence, engine, k, ... with the fields of the command's result class; what is not a number is
null.
"""

import dataclasses
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

from mvot_plugin.errors import InputError, OutputError, UsageError

__all__ = [
    "SCHEMA",
    "Results",
    "command_line",
    "environment",
    "nameless",
    "read_results",
    "today",
    "weights_name",
]

SCHEMA = 1
_PACKAGES = ("torch", "numpy", "opencv-python", "ultralytics", "norfair", "trackers")

ResultT = TypeVar("ResultT")


@dataclass(kw_only=True)
class Results(Generic[ResultT]):
    """The rows of one run, which are written to ``path``, if there is one, after each.

    With the same command, settings and environment, an existing file is gone on with: its rows
    are not measured again. Raises ``UsageError`` where anything of that differs.
    """

    kind: type[ResultT]
    command: str
    arguments: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    date: str = ""
    path: Path | None = None
    complete: bool = False
    rows: list[ResultT] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.path is None or not self.path.exists():
            return
        before = read_results(self.path, {self.command: self.kind})
        for name in ("settings", "environment"):
            old, new = getattr(before, name), getattr(self, name)
            changed = [key for key in {**old, **new} if old.get(key) != new.get(key)]
            if changed:
                raise UsageError(
                    f"--json {self.path}: was made with another {changed[0]} "
                    f"({old.get(changed[0])}, now {new.get(changed[0])}); name another file"
                )
        self.rows = before.rows

    def take(self, measure: Callable[[], ResultT], **key: Any) -> tuple[ResultT, bool]:
        """The row whose fields are those of ``key``, and whether it had to be measured."""
        for row in self.rows:
            if all(getattr(row, name) == value for name, value in key.items()):
                return row, False
        row = measure()
        self.rows.append(row)
        self.write()
        return row, True

    def write(self) -> None:
        """Bring the file up to date, in one step: it is never half written."""
        if self.path is None:
            return
        head = {"schema": SCHEMA, **{name: getattr(self, name) for name in _HEAD}}
        lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
        plain = (_plain(asdict(typing.cast(Any, row))) for row in self.rows)
        rows = ",\n".join(f"  {json.dumps(row)}" for row in plain)
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


_HEAD = ("command", "arguments", "settings", "environment", "date", "complete")


def read_results(path: Path, kinds: Mapping[str, type[Any]]) -> Results[Any]:
    """A file of results; ``kinds`` are the result classes by command.

    Raises ``InputError`` for a file that is missing, damaged, or not of one of these commands.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["schema"] != SCHEMA:
            raise ValueError(f"its schema is {stored['schema']}, not {SCHEMA}")
        head = {name: stored[name] for name in _HEAD}
        if head["command"] not in kinds:
            raise ValueError(f"it is of the command {head['command']!r}, not {', '.join(kinds)}")
        kind = kinds[head["command"]]
        rows = [_typed(kind, row) for row in stored["rows"]]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else error
        raise InputError(f"{path}: not a JSON of this mvot-bench: {what}") from error
    return Results(kind=kind, rows=rows, **head)


def _plain(value: Any) -> Any:
    """As JSON can hold it."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _typed(hint: Any, value: Any) -> Any:
    """What ``_plain`` made of a value of this type, back again."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = typing.get_type_hints(hint)
        return hint(**{name: _typed(each, value[name]) for name, each in hints.items()})
    if hint is float:
        return math.nan if value is None else float(value)
    kinds = typing.get_args(hint)
    if type(None) in kinds:
        (hint,) = (kind for kind in kinds if kind is not type(None))
        return None if value is None else _typed(hint, value)
    if typing.get_origin(hint) is tuple:
        return tuple(value)
    return value


def nameless(arguments: Sequence[str]) -> list[str]:
    """A command line whose paths are cut down to their last names."""
    return [re.sub(r"[^\s=:]*/(?=[^/])", "", one.rstrip("/")) for one in arguments]


def weights_name(path: str) -> str:
    """A file of weights or detections by name and content; "auto" and the like as they are."""
    if path.startswith("replay:"):
        return f"replay:{weights_name(path.removeprefix('replay:'))}"
    if not Path(path).is_file():
        return path
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return f"{Path(path).name} (sha256 {digest[:12]})"


def environment(device: str) -> dict[str, Any]:
    """What runs, and where: see the top of this file. Raises ``UsageError`` for no such device."""
    import torch

    from mvot_plugin.devices import choose_device

    chosen = choose_device(device)
    cuda = chosen.type == "cuda"
    return {
        "commit": _commit(),
        "version": _version("mvot-plugin"),
        "device": torch.cuda.get_device_name(chosen) if cuda else chosen.type,
        "cpu": _cpu(),
        "threads": torch.get_num_threads(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def today() -> str:
    """The time now in UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def command_line(arguments: Sequence[str]) -> str:
    """What to type for a run."""
    return shlex.join(["mvot-bench", *arguments])


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of the checkout that this file is part of, if it is of one."""
    here = Path(__file__)
    git = ["git", "-C", str(here.parent)]
    describe = ["describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        for what in (["ls-files", "--error-unmatch", here.name], describe):
            done = subprocess.run([*git, *what], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _cpu() -> str:
    """The processor's name and its number of cores."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return f"{found[1] if found else platform.processor()}, {os.cpu_count()} cores"
