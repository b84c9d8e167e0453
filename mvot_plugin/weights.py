"""Weights of networks: files, and what they say of themselves."""

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

from mvot_plugin.errors import InputError, UntrainedWeights

__all__ = [
    "UntrainedWeights",
    "graft_weights",
    "load_into",
    "read_weights",
    "save_weights",
    "shipped_weights",
    "warn_untrained",
]


def shipped_weights(name: str) -> Path | None:
    """The weights file that came with the package for the engine ``name``, if there is one."""
    path = Path(str(files("mvot_plugin"))) / "pretrained" / f"{name}.safetensors"
    return path if path.is_file() else None


def save_weights(
    path: Path, network: nn.Module, kind: str, config: Any, record: Mapping[str, Any]
) -> None:
    """Write a network's parameters in half precision, with its kind, its config and a record.

    The record says where the weights come from: licence, data, command, measured results.
    """
    tensors = {
        name: (t.half() if t.is_floating_point() else t).detach().cpu().contiguous()
        for name, t in network.state_dict().items()
    }
    values = asdict(config) if is_dataclass(config) and not isinstance(config, type) else config
    said = {"kind": kind, "config": json.dumps(values), "record": json.dumps(dict(record))}
    save_file(tensors, str(path), metadata=said)


def read_weights(path: Path, kind: str, *others: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The config and the float32 tensors of a weights file for a network of this ``kind``.

    Files of the ``others`` kinds fit it, too.

    Raises ``InputError`` for a file that is missing, damaged or of another network.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such weights file")
    try:
        with safe_open(str(path), "pt") as file:
            said = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: not a readable safetensors file: {error}") from error
    if said.get("kind") not in (kind, *others):
        raise InputError(
            f"{path}: holds weights of {said.get('kind', 'an unknown network')!r}, "
            f"but {kind!r} needs {' or '.join(['its own', *map(repr, others)])}"
        )
    try:
        config = dict(json.loads(said.get("config", "{}")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: its config is damaged: {error}") from error
    return config, {k: t.float() if t.is_floating_point() else t for k, t in tensors.items()}


def graft_weights(
    source: Path,
    path: Path,
    tensors: Mapping[str, Tensor],
    record: Mapping[str, Any],
    config: Mapping[str, Any] | None = None,
) -> None:
    """Write ``source``, a weights file, to ``path`` with these of its tensors replaced.

    All others stay as they are, bit for bit; the new ones take the dtypes of the old. ``record``
    and ``config`` are added to the file's own. Raises ``InputError`` for an unreadable file.
    """
    try:
        with safe_open(str(source), "pt") as file:
            said = dict(file.metadata() or {})
            whole = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        told = {key: dict(json.loads(said.get(key, "{}"))) for key in ("record", "config")}
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise InputError(f"{source}: not a readable weights file: {error}") from error
    for name, tensor in tensors.items():
        whole[name] = tensor.detach().cpu().to(whole[name].dtype).contiguous()
    said["record"] = json.dumps({**told["record"], **record})
    said["config"] = json.dumps({**told["config"], **(config or {})})
    save_file(whole, str(path), metadata=said)


def load_into(network: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Give a network all of its parameters; raises ``InputError`` naming the first that misfits."""
    own = network.state_dict()
    missing, unknown = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    misfits = [k for k in own.keys() & tensors.keys() if own[k].shape != tensors[k].shape]
    for complaint, names in (
        ("lacks", missing),
        ("has, unknown to the network,", unknown),
        ("has another shape of", misfits),
    ):
        if names:
            raise InputError(
                f"{path}: does not fit the network: it {complaint} {sorted(names)[0]} "
                f"({len(names)} such); take weights made for it"
            )
    network.load_state_dict(dict(tensors))


def warn_untrained(name: str) -> None:
    """Say that the engine ``name`` has no trained weights."""
    warnings.warn(
        f"engine {name!r} runs on random, untrained weights: its boxes and scores mean nothing",
        UntrainedWeights,
        stacklevel=3,
    )
