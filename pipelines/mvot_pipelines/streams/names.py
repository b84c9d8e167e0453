"""What streams are called, in reports and in the names of their files."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from mvot_pipelines.config import RunConfig
from mvot_pipelines.sources.capture import is_url
from mvot_plugin.errors import UsageError

__all__ = ["PLACEHOLDER", "fill_in_name", "name_source", "name_streams", "to_file_name"]

PLACEHOLDER = "{name}"
"""In the name of an output, the place of the stream's name."""
_UNUSABLE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|{}]+')
"""What file names do not hold, on one system or another."""
_UNUSABLE_IN_ADDRESS = re.compile("[#?%+]")
"""What would end the path of an address, or means something else in a topic."""
_OUTPUTS = ("save_txt", "save_jsonl", "save_video", "publish")


def name_source(source: str) -> str:
    """A short name for a source: a file's or folder's, a camera's number, a stream's address."""
    if source.isdecimal():
        return f"camera-{source}"
    if is_url(source):
        parts = urlsplit(source)
        return (parts.hostname or "") + parts.path.rstrip("/")
    path = Path(source)
    named = path if path.name not in ("", "..") else path.resolve()
    return (named.name if path.is_dir() else named.stem) or "stream"


def name_streams(configs: Iterable[RunConfig]) -> list[RunConfig]:
    """The settings of streams, each with a name of its own.

    A name that is there already, or makes the same name of a file, gets a number: ``video``,
    ``video-2``. Raises ``UsageError`` where that is a name that was given.
    """
    configs, taken, named = list(configs), set[str](), []
    for name in [config.name for config in configs if config.name is not None]:
        if to_file_name(name) in taken:
            raise UsageError(f"--name {name} is given twice, or like another one: give it once")
        taken.add(to_file_name(name))
    for config in configs:
        name = config.name or _make_unique(name_source(config.source or ""), taken)
        taken.add(to_file_name(name))
        named.append(replace(config, name=name))
    return named


def fill_in_name(config: RunConfig) -> RunConfig:
    """The settings with the stream's name in place of ``{name}`` in the names of outputs."""
    usable = to_file_name(config.name or name_source(config.source or ""))
    values = {output: getattr(config, output) for output in _OUTPUTS}
    filled = {k: v.replace(PLACEHOLDER, usable) for k, v in values.items() if v}
    if config.publish:
        in_address = _UNUSABLE_IN_ADDRESS.sub("_", usable)
        filled["publish"] = config.publish.replace(PLACEHOLDER, in_address)
    return replace(config, **filled)


def to_file_name(name: str) -> str:
    """A stream's name as a file can have it."""
    return _UNUSABLE.sub("_", name).strip(". ") or "stream"


def _make_unique(name: str, taken: set[str]) -> str:
    number, unique = 1, name
    while to_file_name(unique) in taken:
        number += 1
        unique = f"{name}-{number}"
    return unique
