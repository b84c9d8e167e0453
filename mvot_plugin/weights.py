"""Weights files of networks: safetensors with the network's kind, config and record as metadata."""

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mvot_plugin.errors import InputError, UntrainedWeights, format_value
from mvot_plugin.runtimes.reading import check_file, read_json

__all__ = [
    "UntrainedWeights",
    "load_parameters",
    "read_kind",
    "read_weights",
    "read_weights_record",
    "replace_weights",
    "save_weights",
    "shipped_weights",
    "warn_untrained",
]

FORMER_NAMES = {"certainty": "calibration", "frame_certainty": "frame_calibration"}
"""Settings of network configs by the names that they have in weights files of former versions."""


def shipped_weights(name: str) -> Path | None:
    """The weights file that came with the package for the engine ``name``, if there is one."""
    path = Path(str(files("mvot_plugin"))) / "pretrained" / f"{name}.safetensors"
    return path if path.is_file() else None


def save_weights(
    path: Path, network: nn.Module, kind: str, config: Any, record: Mapping[str, Any]
) -> None:
    """Write a network's parameters in half precision, with its kind, its config and a record.

    Args:
        path: The file to write.
        network: The network.
        kind: Which class of network the file is for, such as "siammotion".
        config: The network's config, a dataclass or a mapping.
        record: Where the weights come from: licence, data, command, measured results.
    """
    tensors = {
        name: (t.half() if t.is_floating_point() else t).detach().cpu().contiguous()
        for name, t in network.state_dict().items()
    }
    values = asdict(config) if is_dataclass(config) and not isinstance(config, type) else config
    metadata = {"kind": kind, "config": json.dumps(values), "record": json.dumps(dict(record))}
    save_file(tensors, str(path), metadata=metadata)


def read_weights(path: Path, kind: str, *others: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read the config and the tensors of a weights file.

    Args:
        path: The file.
        kind: The kind of network that the weights are for.
        others: Further kinds whose weights fit that network.

    Returns:
        The values of the config, by their present names, and the tensors, in float32.

    Raises:
        InputError: The file is missing, damaged or of another kind of network, or one of its
            numbers is NaN or infinite.
    """
    check_file(path, "weights file")
    try:
        metadata, tensors = _read_file(path)
        tensors = {k: t.float() if t.is_floating_point() else t for k, t in tensors.items()}
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"{path}: not a readable safetensors file: {error}; give a .safetensors file or a "
            "folder of graphs"
        ) from error
    if metadata.get("kind") not in (kind, *others):
        found = metadata.get("kind")
        raise InputError(
            f"{path}: holds weights of {format_value(found) if found else 'an unknown network'}, "
            f"but {kind!r} needs {' or '.join(['its own', *map(repr, others)])}"
        )
    for name, tensor in tensors.items():
        if not _is_finite(tensor):
            raise InputError(f"{path}: its tensor {name!r} holds a number that is NaN or infinite")
    try:
        config = _read_config(metadata)
    except ValueError as error:
        raise InputError(f"{path}: its config is damaged: {error}") from error
    return config, tensors


def read_weights_record(path: Path) -> dict[str, Any]:
    """Read the record of a weights file: where the weights come from.

    Raises ``InputError`` for a file that cannot be read.
    """
    try:
        return read_json(_read_metadata(path).get("record", "{}"))
    except ValueError as error:
        raise InputError(f"{path}: not a readable weights file: {error}") from error


def read_kind(path: Path) -> str:
    """Read which kind of network a weights file is for; "" where it does not say.

    Raises ``InputError`` for a file that cannot be read.
    """
    return _read_metadata(path).get("kind", "")


def replace_weights(
    source: Path,
    path: Path,
    tensors: Mapping[str, Tensor],
    record: Mapping[str, Any],
    config: Mapping[str, Any] | None = None,
) -> None:
    """Copy a weights file with some of its tensors replaced; all others stay as they are.

    Args:
        source: The weights file to copy.
        path: The file to write; may be ``source``.
        tensors: The new tensors by name; they take the dtypes of those that they replace.
        record: Entries to add to the file's record.
        config: Settings to add to the file's config.

    Raises:
        InputError: ``source`` cannot be read.
    """
    check_file(source, "weights file")
    try:
        metadata, merged = _read_file(source)
        old_record = read_json(metadata.get("record", "{}"))
        old_config = _read_config(metadata)
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{source}: not a readable weights file: {error}") from error
    for name, tensor in tensors.items():
        merged[name] = tensor.detach().cpu().to(merged[name].dtype).contiguous()
    metadata["record"] = json.dumps({**old_record, **record})
    metadata["config"] = json.dumps({**old_config, **(config or {})})
    save_file(merged, str(path), metadata=metadata)


def _read_metadata(path: Path) -> dict[str, str]:
    """The metadata alone; raises ``InputError`` for a file that cannot be read."""
    check_file(path, "weights file")
    try:
        with safe_open(str(path), "pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{path}: not a readable weights file: {error}") from error


def _read_file(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The metadata and the tensors of a safetensors file."""
    with safe_open(str(path), "pt") as file:
        metadata = dict(file.metadata() or {})
        return metadata, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _read_config(metadata: Mapping[str, str]) -> dict[str, Any]:
    """The network's config in a file's metadata; settings have their present names."""
    values = read_json(metadata.get("config", "{}"))
    return {FORMER_NAMES.get(name, name): value for name, value in values.items()}


def _is_finite(tensor: Tensor) -> bool:
    """Whether all numbers are finite, as their sum mostly is, which is found ten times faster."""
    if not tensor.is_floating_point():
        return True
    return bool(tensor.sum().isfinite()) or bool(tensor.isfinite().all())


def load_parameters(network: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Load all of a network's parameters and buffers.

    Args:
        network: The network, changed in place.
        tensors: The tensors by name, as ``read_weights`` returns them.
        path: The file that they come from, for error messages.

    Raises:
        InputError: Tensors are missing, unknown, of another shape or another kind of number; names
            the first.
    """
    own = network.state_dict()
    missing, unknown = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    shared = [(name, own[name], tensors[name]) for name in own.keys() & tensors.keys()]
    mismatched = [k for k, a, b in shared if a.shape != b.shape]
    unlike = [k for k, a, b in shared if a.is_floating_point() and not b.is_floating_point()]
    for problem, names in (
        ("lacks", missing),
        ("has, unknown to the network,", unknown),
        ("has another shape of", mismatched),
        ("has another kind of number in", unlike),
    ):
        if names:
            raise InputError(
                f"{path}: does not fit the network: it {problem} {sorted(names)[0]} "
                f"({len(names)} such); take weights made for it"
            )
    network.load_state_dict(dict(tensors))


def warn_untrained(name: str) -> None:
    """Warn that the engine ``name`` has no trained weights."""
    warnings.warn(
        f"engine {name!r} runs on random, untrained weights: its boxes and scores mean nothing",
        UntrainedWeights,
        stacklevel=3,
    )
